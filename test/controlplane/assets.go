package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	modulePath     = "github.com/attache-dev/attache"
	gatewayAPIPath = "sigs.k8s.io/gateway-api"

	etcdProgram              = "etcd"
	apiServerProgram         = "kube-apiserver"
	kubectlProgram           = "kubectl"
	controllerManagerProgram = "kube-controller-manager"
)

// prepared remembers the answers of prepare.sh, by its arguments: the script is
// asked once per process.
var prepared = struct {
	sync.Mutex
	folders map[string]string
}{folders: map[string]string{}}

// Assets is the folder with etcd, kube-apiserver and kubectl. The first call in
// a process runs prepare.sh, which can take many minutes on a machine that
// never did it before, and which explains itself on standard error.
//
// The current folder must be inside this module.
func Assets(ctx context.Context) (string, error) {
	return assets(ctx)
}

// assetsWithControllerManager is the folder that also has
// kube-controller-manager.
func assetsWithControllerManager(ctx context.Context) (string, error) {
	return assets(ctx, "--controller-manager")
}

func assets(ctx context.Context, arguments ...string) (string, error) {
	prepared.Lock()
	defer prepared.Unlock()

	key := strings.Join(arguments, " ")
	if folder, ok := prepared.folders[key]; ok {
		return folder, nil
	}
	root, err := moduleFolder(ctx, modulePath)
	if err != nil {
		return "", err
	}
	script := filepath.Join(root, "test", "controlplane", "prepare.sh")

	// The script clears up after itself when it is told to stop, so it is told
	// before it is killed.
	cmd := exec.CommandContext(ctx, script, arguments...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("preparing the control plane's programs with %s: %w", script, errors.Join(ctx.Err(), err))
	}
	folder := strings.TrimSuffix(string(answer), "\n")
	prepared.folders[key] = folder
	return folder, nil
}

// moduleFolder is where the go command has the sources of a module that this
// module is or requires. It downloads them when they are not there: the sources of
// a module of which no package is imported are not.
func moduleFolder(ctx context.Context, module string) (string, error) {
	folder, err := askGo(ctx, "list", "-m", "-f", "{{.Dir}}", module)
	if err == nil && folder == "" {
		if _, err = askGo(ctx, "mod", "download", module); err == nil {
			folder, err = askGo(ctx, "list", "-m", "-f", "{{.Dir}}", module)
		}
	}
	if err != nil {
		return "", fmt.Errorf("asking go for the folder of module %s: %w", module, err)
	}
	if folder == "" {
		return "", fmt.Errorf("go does not know the folder of module %s after it downloaded it", module)
	}
	return folder, nil
}

// askGo runs the go command, and gives its answer without the end of the line.
func askGo(ctx context.Context, arguments ...string) (string, error) {
	var complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", arguments...)
	cmd.Stderr = &complaint
	answer, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(arguments, " "), err, bytes.TrimSpace(complaint.Bytes()))
	}
	return strings.TrimSpace(string(answer)), nil
}
