package controlplane_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/eventually"
)

// childVariable makes this test binary start a control plane of its own, print
// where it is, and wait for its end.
const childVariable = "ATTACHE_CONTROLPLANE_TEST_CHILD"

// TestChild is not a test: TestNothingSurvivesAKilledProcess starts it.
func TestChild(t *testing.T) {
	if os.Getenv(childVariable) == "" {
		t.Skip("only for TestNothingSurvivesAKilledProcess")
	}
	plane, err := controlplane.Start(context.Background(), controlplane.Options{ControllerManager: true})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("folder", filepath.Dir(plane.Kubeconfig))
	fmt.Println("certificates", plane.WebhookServing().CertDir)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestNothingSurvivesAKilledProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			child := exec.Command(os.Args[0], "-test.run=^TestChild$")
			child.Env = append(os.Environ(), childVariable+"=yes")
			child.Stderr = os.Stderr
			stdin, err := child.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			stdout, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			said := map[string]string{}
			for lines := bufio.NewScanner(stdout); len(said) < 2 && lines.Scan(); {
				if name, value, ok := strings.Cut(lines.Text(), " "); ok && filepath.IsAbs(value) {
					said[name] = value
				}
			}
			if len(said) < 2 {
				t.Fatalf("the child did not start a control plane: %v", child.Wait())
			}
			pids := processes(t, said["folder"])
			if len(pids) != 3 {
				t.Fatalf("the control plane has processes %v, want three", pids)
			}
			if err := child.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = child.Wait() // it was killed
			awaitGone(t, pids, said["folder"], said["certificates"])
		})
	}
}

func TestStopLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	logs := filepath.Join(t.TempDir(), "logs")
	plane, err := controlplane.Start(t.Context(), controlplane.Options{
		ControllerManager: true,
		LogFolder:         logs,
		APIServerFlags:    map[string][]string{"event-ttl": {"10m"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	// A watch that stays open must not hold up the end.
	admin, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	events, err := admin.CoreV1().ConfigMaps("").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Stop()

	folder := filepath.Dir(plane.Kubeconfig)
	pids := processes(t, folder)
	certificates := plane.WebhookServing().CertDir
	if err := plane.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is still there after Stop", pid)
		}
	}
	for _, path := range []string{folder, certificates} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there after Stop", path)
		}
	}
	for _, program := range []string{"etcd", "kube-apiserver", "kube-controller-manager"} {
		if log, err := os.Stat(filepath.Join(logs, program+".log")); err != nil || log.Size() == 0 {
			t.Errorf("no log of %s was kept: %v", program, err)
		}
	}
	if err := plane.Stop(); err != nil {
		t.Errorf("a second Stop fails: %v", err)
	}
}

func TestAFailedStartSaysWhyAndLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	t.Setenv("TMPDIR", t.TempDir())
	_, err := controlplane.Start(t.Context(), controlplane.Options{
		APIServerFlags: map[string][]string{"no-such-flag": {"1"}},
	})
	if err == nil || !strings.Contains(err.Error(), "unknown flag: --no-such-flag") {
		t.Errorf("got error %v, want what kube-apiserver said", err)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "*controlplane*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// processes are the numbers of a control plane's processes.
func processes(t *testing.T, folder string) []int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "pids", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		if _, err := fmt.Sscan(string(content), &pid); err != nil {
			t.Fatal(err)
		}
		if !alive(pid) {
			t.Errorf("process %d of %s is not running", pid, file)
		}
		pids = append(pids, pid)
	}
	return pids
}

func alive(pid int) bool {
	return syscall.Kill(pid, 0) == nil
}

// awaitGone returns when the processes and folders are no more.
func awaitGone(t *testing.T, pids []int, folders ...string) {
	t.Helper()
	err := eventually.Try(t.Context(), eventually.Limit, func(context.Context) error {
		for _, pid := range pids {
			if alive(pid) {
				return fmt.Errorf("process %d is still there", pid)
			}
		}
		for _, folder := range folders {
			if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is still there (%w)", folder, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// awaitReadable returns when a user may list a namespace's config maps.
func awaitReadable(t *testing.T, user controlplane.User, namespace string) {
	t.Helper()
	reader, err := kubernetes.NewForConfig(user.Config)
	if err != nil {
		t.Fatal(err)
	}
	err = eventually.Try(t.Context(), eventually.Limit, func(ctx context.Context) error {
		_, err := reader.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	if err != nil {
		t.Errorf("the user still has no right to read: %v", err)
	}
}
