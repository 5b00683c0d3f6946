package controlplane_test

import (
	"context"
	"fmt"
	"os"

	"github.com/attache-dev/attache/test/controlplane"
)

// A demonstration starts a control plane with Gateway API, and asks it something
// with kubectl.
//
//nolint:testableexamples // it takes a control plane, and what it prints changes with its version
func ExampleStart() {
	ctx := context.Background()
	crds, err := controlplane.GatewayAPICRDs("standard")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	plane, err := controlplane.Start(ctx, controlplane.Options{CRDs: []string{crds}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer plane.Stop() //nolint:errcheck // the demonstration is over

	kubectl := plane.Kubectl(ctx, "api-resources", "--api-group=gateway.networking.k8s.io")
	kubectl.Stdout, kubectl.Stderr = os.Stdout, os.Stderr
	if err := kubectl.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
