package controlplane

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// shared is the control plane of all tests of one package. A test binary has no
// other place to hand it from TestMain to the tests.
var shared struct {
	sync.Mutex
	declared bool
	options  Options
	plane    *ControlPlane
	failure  error
}

// Main runs a package's tests and returns the exit code for os.Exit, to be used
// in TestMain. The options are those of the control plane that [Shared] starts
// when the first test asks for it, and that Main stops: a run in which no test
// asks starts nothing.
func Main(m *testing.M, options Options) int {
	shared.Lock()
	shared.declared, shared.options = true, options
	shared.Unlock()

	code := m.Run()

	shared.Lock()
	defer shared.Unlock()
	if shared.plane != nil {
		if err := shared.plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

// MainOn is Main with the CRDs of a channel of Gateway API, "standard" or "experimental", before those
// of options.
func MainOn(m *testing.M, channel string, options Options) int {
	crds, err := GatewayAPICRDs(channel)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	options.CRDs = append([]string{crds}, options.CRDs...)
	return Main(m, options)
}

// Shared is the control plane that the tests of a package share; tests keep out
// of each other's way by namespaces of their own ([ControlPlane.NewNamespace]).
// It needs [Main] in TestMain. With -short, it skips the test.
func Shared(t testing.TB) *ControlPlane {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	shared.Lock()
	defer shared.Unlock()
	if !shared.declared {
		t.Fatal("controlplane.Shared needs a TestMain that calls controlplane.Main")
	}
	if shared.plane == nil && shared.failure == nil {
		shared.plane, shared.failure = Start(context.Background(), shared.options)
	}
	if shared.failure != nil {
		t.Fatal(shared.failure)
	}
	return shared.plane
}

// NewNamespace makes a namespace with a name of its own, deletes it when the
// test ends, and returns its name. Without the controller manager it stays
// Terminating, with all that is in it.
func (c *ControlPlane) NewNamespace(t testing.TB) string {
	t.Helper()
	admin, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		t.Fatalf("connecting to the control plane: %v", err)
	}
	namespaces := admin.CoreV1().Namespaces()
	made, err := namespaces.Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("making a namespace: %v", err)
	}
	t.Cleanup(func() {
		// The test's context has ended by now.
		err := namespaces.Delete(context.Background(), made.Name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("deleting namespace %s: %v", made.Name, err)
		}
	})
	return made.Name
}
