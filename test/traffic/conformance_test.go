package traffic

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/attache-dev/attache/test/conformance"
)

// TestTheConformanceSuiteContradictsNoClaim runs the suite for policies against
// Traefik: the report shows what Traefik does, and the status says the same.
func TestTheConformanceSuiteContradictsNoClaim(t *testing.T) {
	t.Parallel() // it waits most of the time
	b := newInstalledBed(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	o := conformance.Options{
		Config:       b.server.Config,
		GatewayClass: "edge-" + b.namespace,
		Address:      "127.0.0.1",
		BackendHost:  fmt.Sprintf("127.20.3.%d", b.upstream.Port%250+1),
		RouteLabels:  map[string]string{"attache.dev/inject": "true"},
	}
	for i := range o.Ports {
		port, err := strconv.Atoi(b.proxy.Port(i))
		if err != nil {
			t.Fatal(err)
		}
		o.Ports[i] = port
	}
	report, err := conformance.Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := report.YAML()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)
	claimed := map[string]string{}
	for _, r := range report.Results {
		claimed[r.Feature] = r.Claim + " " + r.Result
		if r.Result == conformance.Failed {
			t.Errorf("%s: %s (%v)", r.Feature, r.Message, r.Outcomes)
		}
	}
	// What the exporter for Traefik stands for: the run was of something.
	for feature, want := range map[string]string{
		"limit":               "Enforced Passed",
		"limit-key-header":    "Enforced Passed",
		"limit-key-client":    "Enforced Passed",
		"retry-code":          "Degraded Passed",
		"timeout-request":     "NotEnforced NotSupported",
		"override-of-gateway": "NotEnforced NotSupported",
	} {
		if claimed[feature] != want {
			t.Errorf("%s: %s, want %s", feature, claimed[feature], want)
		}
	}
}
