package dataplane

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// recipe says how a program is built of its nested module.
type recipe struct {
	// requires is the module that the program is of: its version is the
	// program's.
	requires string

	// command is its main package.
	command string

	// stamp is the variable of the version, if there is one.
	stamp string

	// complete adds to a copy of the nested module what is made when it is built.
	complete func(ctx context.Context, module string) error
}

var recipes = map[string]recipe{
	"traefik": {
		requires: "github.com/traefik/traefik/v3",
		command:  "github.com/traefik/traefik/v3/cmd/traefik",
		stamp:    "github.com/traefik/traefik/v3/pkg/version.Version",
		complete: copyLego,
	},
	"egctl": {
		requires: "github.com/envoyproxy/gateway",
		command:  "github.com/envoyproxy/gateway/cmd/egctl",
	},
	"ingress2gateway": {
		requires: "github.com/kubernetes-sigs/ingress2gateway",
		command:  ".",
		complete: nameMain,
	},
}

// nameMain gives the program of a nested module the name of a Go file: tools that
// look at all Go files of the repository would not find its module.
func nameMain(_ context.Context, module string) error {
	return os.Rename(filepath.Join(module, "main.go.txt"), filepath.Join(module, "main.go"))
}

// buildFlags are the flags of all builds. Paths of this machine are not in the
// programs, so that Go's build cache serves every checkout.
var buildFlags = []string{"build", "-trimpath", "-buildvcs=false"}

// Program is the path of a program, "traefik", "egctl" or "ingress2gateway". If the cache lacks it,
// it is built, which takes minutes and is told on standard error. Callers at the
// same time wait for the first one.
func Program(ctx context.Context, name string) (string, error) {
	path, err := program(ctx, name)
	if err != nil {
		return "", fmt.Errorf("preparing %s: %w", name, err)
	}
	return path, nil
}

func program(ctx context.Context, name string) (string, error) {
	recipe, ok := recipes[name]
	if !ok {
		return "", errors.New("there is no recipe for it")
	}
	source, err := nestedModule(name)
	if err != nil {
		return "", err
	}
	folder, err := cacheFolder()
	if err != nil {
		return "", err
	}
	version, err := requiredVersion(source, recipe.requires)
	if err != nil {
		return "", err
	}
	key, err := digest(source)
	if err != nil {
		return "", err
	}
	built := filepath.Join(folder, fmt.Sprintf("%s-%s-%s-%s-%s", name, version, runtime.GOOS, runtime.GOARCH, key))
	unlock, err := lock(ctx, filepath.Join(folder, "."+name+".lock"), name)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(built); err == nil {
		return built, nil
	}
	return built, recipe.build(ctx, name, version, source, built)
}

// nestedModule is the folder of a program's module in this checkout. Like the go
// command, it looks from the current folder upwards.
func nestedModule(name string) (string, error) {
	root, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		folder := filepath.Join(root, "test", "dataplane", name)
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(root)
		if parent == root {
			return "", errors.New("the current folder is not in this repository")
		}
		root = parent
	}
}

func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "attache", "dataplane")
	return folder, os.MkdirAll(folder, 0o755)
}

// requiredVersion reads the version of a module from a go.mod.
func requiredVersion(folder, module string) (string, error) {
	content, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require"))
		if len(fields) >= 2 && fields[0] == module {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("its go.mod does not require %s", module)
}

// digest is over all that the result depends on, so that a change causes a new build.
func digest(folder string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, buildFlags)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", strings.TrimPrefix(path, folder), len(content), content)
		return err
	})
	return fmt.Sprintf("%x", sum.Sum(nil))[:12], err
}

// lock takes a lock that ends with this process at the latest.
func lock(ctx context.Context, path, name string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	told := false
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(err, file.Close())
		}
		if !told {
			told = true
			say(name, "waiting for another process that prepares it (lock: %s)", path)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(time.Second):
		}
	}
}

// build compiles in a copy of the nested module, so that the checkout stays as it
// is, and moves the result to its place when it is complete.
func (r recipe) build(ctx context.Context, name, version, source, built string) error {
	scratch, err := os.MkdirTemp(filepath.Dir(built), ".scratch-"+name+"-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	module := filepath.Join(scratch, "module")
	if err := os.CopyFS(module, os.DirFS(source)); err != nil {
		return err
	}
	say(name, "building %s from source. This takes minutes (10 to 20 on two cores), once per version.", version)
	if r.complete != nil {
		if err := r.complete(ctx, module); err != nil {
			return err
		}
	}
	linked := "-s -w"
	if r.stamp != "" {
		linked += " -X " + r.stamp + "=" + strings.TrimPrefix(version, "v")
	}
	result := filepath.Join(scratch, name)
	begin := time.Now()
	if err := goCommand(ctx, module, os.Stderr, append(buildFlags, "-ldflags", linked, "-o", result, r.command)...); err != nil {
		return fmt.Errorf("the build failed after %s (what was compiled is in Go's build cache): %w", since(begin), err)
	}
	say(name, "built in %s: %s", since(begin), built)
	return os.Rename(result, built)
}

// goCommand runs the go command in a folder, for this machine.
func goCommand(ctx context.Context, folder string, out io.Writer, arguments ...string) error {
	cmd := exec.CommandContext(ctx, "go", arguments...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.Run()
}

func goOutput(ctx context.Context, folder string, arguments ...string) ([]byte, error) {
	var out bytes.Buffer
	err := goCommand(ctx, folder, &out, arguments...)
	return out.Bytes(), err
}

func since(begin time.Time) time.Duration { return time.Since(begin).Round(time.Second) }

func say(name, format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, name+": "+format+"\n", arguments...)
}
