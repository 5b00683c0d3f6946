package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/attache-dev/attache/test/controlplane"
)

// attacheCRDs is where the CRDs of this project are.
const attacheCRDs = "../../crds"

// programs is the folder of what is built for the tests.
var programs string

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	gatewayAPI, err := controlplane.GatewayAPICRDs("experimental")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if programs, err = os.MkdirTemp("", "attache-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := controlplane.Main(m, controlplane.Options{
		CRDs:              []string{gatewayAPI, attacheCRDs},
		ControllerManager: true,
	})
	if err := os.RemoveAll(programs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}
