package controller

import (
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// lookAtSole adds the routes that are the only one of a Gateway now and were not before, or the other
// way round: a counter that all routes of the Gateway share is what a data plane has there, or is not
// (12.E2). touched are the routes whose bindings may have changed.
func lookAtSole(before, after *policy.Snapshot, touched, dirty refs) {
	gateways := refs{}
	for ref := range touched {
		for _, in := range [...]*policy.Snapshot{before, after} {
			for _, l := range in.Graph().BoundTo(ref) {
				gateways.add(l.Gateway)
			}
		}
	}
	for gateway := range gateways {
		was, had := before.Graph().SoleRoute(gateway)
		is, has := after.Graph().SoleRoute(gateway)
		if was == is {
			continue
		}
		for ref, route := range map[hierarchy.Ref]bool{was: had, is: has} {
			if route {
				dirty.add(ref)
			}
		}
	}
}
