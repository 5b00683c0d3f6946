package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/attache-dev/attache/test/controlplane"
)

// attacheCRDs is where the CRDs of this project are.
const attacheCRDs = "../../crds"

func TestMain(m *testing.M) {
	gatewayAPI, err := controlplane.GatewayAPICRDs("experimental")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(controlplane.Main(m, controlplane.Options{
		CRDs:              []string{gatewayAPI, attacheCRDs},
		ControllerManager: true,
	}))
}
