package golden_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/attache-dev/attache/test/controlplane"
)

// The control plane starts with the standard channel of Gateway API: what
// examples/shop is for.
func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	standard, err := controlplane.GatewayAPICRDs("standard")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(controlplane.Main(m, controlplane.Options{CRDs: []string{standard, "../../crds"}}))
}
