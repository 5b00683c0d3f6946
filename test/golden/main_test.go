package golden_test

import (
	"os"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/attache-dev/attache/test/controlplane"
)

// The control plane starts with the standard channel of Gateway API, for which examples/shop is
// made.
func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(controlplane.MainOn(m, "standard", controlplane.Options{CRDs: []string{"../../crds"}}))
}
