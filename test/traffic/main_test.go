package traffic

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/dataplane"
	"github.com/attache-dev/attache/test/vendors"
)

// attacheCRDs is where the CRDs of this project are.
const attacheCRDs = "../../crds"

// entryPoints is how many listeners a test can tell apart.
const entryPoints = 2

func TestMain(m *testing.M) {
	if os.Getenv("ATTACHE_TRAFFIC") == "" {
		fmt.Println("traffic: left out; \"make traffic\" sends requests through a real Traefik")
		return
	}
	ctrl.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// shared is the control plane and the Traefik of all tests.
var shared struct {
	sync.Mutex
	plane   *controlplane.ControlPlane
	traefik *dataplane.Traefik
	failure error
	tests   int
}

// acquire starts both for the first test, and returns a number for each.
func acquire(t *testing.T) (*controlplane.ControlPlane, *dataplane.Traefik, int) {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.plane == nil && shared.failure == nil {
		shared.failure = start(t)
	}
	if shared.failure != nil {
		t.Fatal(shared.failure)
	}
	shared.tests++
	return shared.plane, shared.traefik, shared.tests
}

func start(t *testing.T) (err error) {
	t.Helper()
	shared.plane, shared.traefik, err = startPlane(t)
	return err
}

// startPlane starts a control plane and a Traefik that reads it. Both end with the
// process: the control plane's watchdog sees to it.
func startPlane(t *testing.T) (*controlplane.ControlPlane, *dataplane.Traefik, error) {
	t.Helper()
	gatewayAPI, err := controlplane.GatewayAPICRDs("experimental")
	if err != nil {
		return nil, nil, err
	}
	crds := vendors.Extract(t, vendors.Traefik, "integration/fixtures/k8s/01-traefik-crd.yml")
	plane, err := controlplane.Start(context.Background(), controlplane.Options{
		CRDs:              []string{gatewayAPI, attacheCRDs, crds},
		APIServerFlags:    dataplane.ServiceNetwork,
		ControllerManager: true,
	})
	if err != nil {
		return nil, nil, err
	}
	traefik, err := dataplane.StartTraefik(context.Background(), plane, entryPoints)
	if err != nil {
		return nil, nil, errors.Join(err, plane.Stop())
	}
	return plane, traefik, nil
}
