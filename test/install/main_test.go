package install

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/attache-dev/attache/test/controlplane"
)

// folder has what is built for the tests.
var folder string

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	var err error
	if folder, err = os.MkdirTemp("", "attache-install-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := controlplane.Main(m, controlplane.Options{})
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// attache and helm are the programs, built once.
var (
	attache = sync.OnceValues(func() (string, error) { return build("attache", "./cmd/attache") })
	helm    = sync.OnceValues(func() (string, error) { return build("helm", "-modfile=helm.mod", "helm.sh/helm/v4/cmd/helm") })
)

func build(name string, arguments ...string) (string, error) {
	path := filepath.Join(folder, name)
	cmd := exec.Command("go", append([]string{"build", "-o", path}, arguments...)...)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return path, nil
}
