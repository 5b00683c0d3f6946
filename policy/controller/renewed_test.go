package controller

import (
	"maps"
	"slices"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// What admission put into a route changes its generation alone: no policy is looked at, and the route is
// not either if what follows is planned already. An edit by its owner is looked at in any case.
func TestANewGenerationConcernsTheRouteAlone(t *testing.T) {
	route := func(generation, name string) string {
		return "{" + gatewayAPI + "HTTPRoute, metadata: {name: r, namespace: one, uid: r, generation: " + generation + "}, spec: {parentRefs: [{name: g}], rules: [{name: " + name + "}]}}"
	}
	snapshot, problems := policy.NewSnapshot(policy.Options{}).With(object(timeoutCRD),
		object("{"+gatewayAPI+"GatewayClass, metadata: {name: c}, spec: {controllerName: e.com/c}}"),
		object("{"+gatewayAPI+"Gateway, metadata: {name: g, namespace: one}, spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}]}}"),
		object("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: p, namespace: one}, spec: {default: {request: 1s}, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}}}"),
		object(route("1", "x")))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	ref := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "one", "r")
	policyRef := hierarchy.NewRef(policy.Group, "TimeoutPolicy", "one", "p")
	s := newState(none)
	s.begin(t.Context(), snapshot, nil, newMemory())
	planned := false
	s.written = func(e *effective.Target) bool { return planned && e.Target == ref }
	for _, step := range []struct {
		what, route string
		planned     bool
		want        []hierarchy.Ref
	}{
		{"a new generation", route("2", "x"), false, []hierarchy.Ref{ref}},
		{"a new generation, of which all is planned", route("3", "x"), true, nil},
		{"another rule", route("4", "y"), false, []hierarchy.Ref{ref, policyRef}},
		{"another rule, which nobody can have planned", route("5", "x"), true, []hierarchy.Ref{ref, policyRef}},
	} {
		planned = step.planned
		snapshot, _ = snapshot.With(object(step.route))
		dirty, _ := s.settle(t.Context(), snapshot, refs{ref: {}}, refs{}, true)
		got := slices.SortedFunc(maps.Keys(dirty), hierarchy.Compare)
		want := slices.SortedFunc(slices.Values(step.want), hierarchy.Compare)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v are looked at, want %v", step.what, got, want)
		}
		if e := s.effective[ref]; e == nil || e.Generation != routeOf(snapshot, ref).Meta().Generation {
			t.Errorf("%s: the result is %+v", step.what, e)
		}
	}
}
