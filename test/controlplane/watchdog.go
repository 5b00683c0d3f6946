package controlplane

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Below the folder of a control plane.
const (
	pidsFolder     = "pids"     // one file per process, with its number
	programsFolder = "programs" // what is started instead of the programs
	logsFolder     = "logs"
	removeFile     = "remove" // a list of folders elsewhere, to be removed
)

// watchdogScript waits until its input ends, which the kernel sees to when the
// process that holds the other end is gone: after a signal, a panic, a test's
// time-out, and even SIGKILL. After an orderly Stop there is nothing to do.
const watchdogScript = `
trap '' INT TERM HUP QUIT
cat >/dev/null
[ -d "$1" ] || exit 0
for file in "$1"/pids/*; do
	[ ! -f "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null
done
if [ -f "$1/remove" ]; then
	while IFS= read -r folder; do rm -rf "$folder"; done <"$1/remove"
fi
# A process that is still dying may create a file meanwhile.
until rm -rf "$1" 2>/dev/null; do sleep 1; done
`

// watchdog is a process that outlives this one for the moment that it takes to
// kill the processes of one control plane and to remove its files. It is not a
// signal handler, because a handler cannot catch everything, and because signals
// are the program's business, not a package's.
type watchdog struct {
	folder string
	cmd    *exec.Cmd
	leash  io.Closer
}

// startWatchdog watches over folder and the processes that
// [watchdog.replaceProgram] and [watchdog.remember] tell it of.
func startWatchdog(folder string) (*watchdog, error) {
	for _, name := range []string{pidsFolder, programsFolder} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			return nil, fmt.Errorf("making a folder for the control plane: %w", err)
		}
	}
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "attache-controlplane-watchdog", folder)
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the control plane's watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the control plane's watchdog: %w", err)
	}
	return &watchdog{folder: folder, cmd: cmd, leash: leash}, nil
}

// replaceProgram writes a script that becomes program after it noted its process
// number, and returns its path. That is how the numbers of processes are known
// that envtest starts and does not tell of.
func (w *watchdog) replaceProgram(program string) (string, error) {
	name := filepath.Base(program)
	pid := filepath.Join(w.folder, pidsFolder, name)
	script := fmt.Sprintf("#!/bin/sh\ncase $1 in --help) ;; *) echo $$ >%s ;; esac\nexec %s \"$@\"\n",
		shellQuote(pid), shellQuote(program))
	path := filepath.Join(w.folder, programsFolder, name)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		return "", fmt.Errorf("writing the start script of %s: %w", name, err)
	}
	return path, nil
}

// remember notes a process that this package starts itself.
func (w *watchdog) remember(name string, process *os.Process) error {
	pid := []byte(strconv.Itoa(process.Pid) + "\n")
	if err := os.WriteFile(filepath.Join(w.folder, pidsFolder, name), pid, 0o600); err != nil {
		return fmt.Errorf("noting the process number of %s: %w", name, err)
	}
	return nil
}

// rememberFolder notes a folder elsewhere that has to be removed.
func (w *watchdog) rememberFolder(folder string) error {
	if err := os.WriteFile(filepath.Join(w.folder, removeFile), []byte(folder+"\n"), 0o600); err != nil {
		return fmt.Errorf("noting the folder %s: %w", folder, err)
	}
	return nil
}

// kill kills the processes that are known.
func (w *watchdog) kill() error {
	files, err := filepath.Glob(filepath.Join(w.folder, pidsFolder, "*"))
	if err != nil {
		return err
	}
	var failures []error
	for _, file := range files {
		process, err := noted(file)
		if err == nil {
			err = process.Kill()
		}
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			failures = append(failures, fmt.Errorf("killing %s: %w", filepath.Base(file), err))
		}
	}
	return errors.Join(failures...)
}

// noted is the process whose number a file has.
func noted(file string) (*os.Process, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return nil, err
	}
	return os.FindProcess(pid)
}

// dismiss removes the folder, when the processes have ended, and ends the
// watchdog.
func (w *watchdog) dismiss() error {
	return errors.Join(os.RemoveAll(w.folder), w.leash.Close(), w.cmd.Wait())
}

func shellQuote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
