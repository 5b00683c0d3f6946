package controlplane_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// standInGo is a go command that answers what prepare.sh asks, and that "builds"
// at once, or, while the file named in HOLD exists, never. It notes in NOTES what
// it did. What it installs as setup-envtest downloads, if DOWNLOAD is set.
const standInGo = `#!/bin/sh
case $1 in
env) echo plan9; exit ;;
install)
	mkdir -p "$GOBIN"
	cat >"$GOBIN/setup-envtest" <<'END'
#!/bin/sh
echo download >>"$NOTES"
[ -n "$DOWNLOAD" ] || { echo "no such host" >&2; exit 1; }
while [ "$1" != --bin-dir ]; do shift; done
mkdir -p "$2/k8s"
for program in etcd kube-apiserver kubectl; do printf '#!/bin/sh\n' >"$2/k8s/$program"; chmod +x "$2/k8s/$program"; done
printf '%s' "$2/k8s"
END
	chmod +x "$GOBIN/setup-envtest"
	exit ;;
esac
case $3 in
mod) exit ;;
list) echo 2026-01-01T00:00:00Z; exit ;;
esac
while [ "$1" != -o ]; do shift; done
folder=$2
shift 2
echo "build $*" >>"$NOTES"
for package; do
	program=$folder/$(basename "${package%/v3}")
	printf '#!/bin/sh\necho Kubernetes v1.37.2\n' >"$program"
	chmod +x "$program"
	if [ -e "$HOLD" ]; then
		echo holding >"$HELD"
		exec sleep 600
	fi
done
`

// bench is a place to run prepare.sh without a network and a compiler.
type bench struct {
	folder string
	env    []string
}

func newBench(t *testing.T, env ...string) bench {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"bin", "assets"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(folder, "bin", "go"), standInGo)
	if err := syscall.Mkfifo(filepath.Join(folder, "held"), 0o600); err != nil {
		t.Fatal(err)
	}
	return bench{folder: folder, env: append([]string{
		"PATH=" + filepath.Join(folder, "bin") + ":" + os.Getenv("PATH"),
		"XDG_CACHE_HOME=" + filepath.Join(folder, "cache"),
		"NOTES=" + filepath.Join(folder, "notes"),
		"HOLD=" + filepath.Join(folder, "hold"),
		"HELD=" + filepath.Join(folder, "held"),
	}, env...)}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (b bench) command(arguments ...string) *exec.Cmd {
	cmd := exec.Command("./prepare.sh", arguments...)
	cmd.Env = b.env
	return cmd
}

// prepare runs the script, and returns the folder that it prints.
func (b bench) prepare(t *testing.T, arguments ...string) string {
	t.Helper()
	answer, err := b.command(arguments...).Output()
	if err != nil {
		t.Fatal(explain(err))
	}
	folder, rest, _ := strings.Cut(string(answer), "\n")
	if !filepath.IsAbs(folder) || rest != "" {
		t.Fatalf("printed %q, want one line with a folder", answer)
	}
	return folder
}

// notes are the downloads and builds that happened.
func (b bench) notes(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(b.folder, "notes"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(content)), "\n")
}

func (b bench) cached(t *testing.T) []string {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(b.folder, "cache/attache/controlplane/*"))
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := filepath.Glob(filepath.Join(b.folder, "cache/attache/controlplane/.[a-z]*"))
	if err != nil {
		t.Fatal(err)
	}
	return append(entries, hidden...)
}

const noDownload = "ATTACHE_CONTROLPLANE_NO_DOWNLOAD=1"

func TestPrepareBuildsOnceAndThenAnswersFromTheCache(t *testing.T) {
	bench := newBench(t)
	first := bench.prepare(t)
	for _, program := range []string{"etcd", "kube-apiserver", "kubectl"} {
		if _, err := os.Stat(filepath.Join(first, program)); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		if again := bench.prepare(t, "--controller-manager"); again != first {
			t.Errorf("got %s, then %s", first, again)
		}
		if again := bench.prepare(t); again != first {
			t.Errorf("got %s, then %s", first, again)
		}
	}
	notes := bench.notes(t)
	if len(notes) != 3 || notes[0] != "download" || strings.Contains(notes[1], "controller-manager") || notes[2] != "build k8s.io/kubernetes/cmd/kube-controller-manager" {
		t.Errorf("it did %q, want one failed download, one build of what was asked for, and one of kube-controller-manager", notes)
	}
	if cached := bench.cached(t); len(cached) != 1 {
		t.Errorf("the cache has %q, want one folder", cached)
	}
}

func TestPrepareTakesADownloadAndBuildsOnlyWhatIsMissing(t *testing.T) {
	bench := newBench(t, "DOWNLOAD=yes")
	first := bench.prepare(t)
	if second := bench.prepare(t, "--controller-manager"); second != first {
		t.Errorf("got %s, then %s", first, second)
	}
	notes := bench.notes(t)
	if len(notes) != 2 || notes[0] != "download" || notes[1] != "build k8s.io/kubernetes/cmd/kube-controller-manager" {
		t.Errorf("it did %q, want one download and a build of kube-controller-manager", notes)
	}

	bench.env = append(bench.env, noDownload)
	if third := bench.prepare(t); third == first {
		t.Errorf("%s uses the download", noDownload)
	}
}

func TestPrepareUsesKubebuilderAssetsOrSaysWhatIsMissingThere(t *testing.T) {
	bench := newBench(t)
	assets := filepath.Join(bench.folder, "assets")
	bench.env = append(bench.env, "KUBEBUILDER_ASSETS="+assets)
	for _, program := range []string{"etcd", "kube-apiserver", "kubectl"} {
		var complaint bytes.Buffer
		cmd := bench.command()
		cmd.Stderr = &complaint
		if err := cmd.Run(); err == nil || !strings.Contains(complaint.String(), "has no "+program+" ") {
			t.Errorf("without %s: got error %v and %q", program, err, complaint.String())
		}
		write(t, filepath.Join(assets, program), "")
	}
	if got := bench.prepare(t); got != assets {
		t.Errorf("got %s, want %s", got, assets)
	}
	if err := bench.command("--controller-manager").Run(); err == nil {
		t.Error("a missing kube-controller-manager goes unnoticed")
	}
}

func TestPrepareAtTheSameTimeBuildsOnce(t *testing.T) {
	bench := newBench(t, noDownload)
	folders := make([]string, 4)
	var group sync.WaitGroup
	for i := range folders {
		group.Go(func() {
			answer, err := bench.command().Output()
			folders[i] = fmt.Sprint(string(answer), err)
		})
	}
	group.Wait()
	for _, folder := range folders {
		if folder != folders[0] {
			t.Errorf("got %q and %q", folders[0], folder)
		}
	}
	if notes := bench.notes(t); len(notes) != 1 {
		t.Errorf("it did %q, want one build", notes)
	}
}

func TestPrepareAfterAnInterruptedRunBuildsAgain(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			bench := newBench(t, noDownload)
			write(t, filepath.Join(bench.folder, "hold"), "")
			interrupted := bench.command()
			interrupted.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := interrupted.Start(); err != nil {
				t.Fatal(err)
			}
			// The stand-in writes into this pipe in the middle of a build.
			if _, err := os.ReadFile(filepath.Join(bench.folder, "held")); err != nil {
				t.Fatal(err)
			}
			if err := interrupted.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if err := interrupted.Wait(); err == nil {
				t.Fatal("the interrupted run claims to have succeeded")
			}
			if signal == syscall.SIGTERM {
				if left := bench.cached(t); len(left) != 0 {
					t.Errorf("left behind: %q", left)
				}
			} else if err := syscall.Kill(-interrupted.Process.Pid, syscall.SIGKILL); err != nil {
				t.Error(err) // its build, which would sleep on
			}
			if err := os.Remove(filepath.Join(bench.folder, "hold")); err != nil {
				t.Fatal(err)
			}
			bench.prepare(t)
			if cached := bench.cached(t); len(cached) != 1 {
				t.Errorf("the cache has %q, want one folder", cached)
			}
		})
	}
}
