package controller

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/effective"
)

// What is known about a route holds for the generation that an admission gave it, as long as its
// owner's values are the same and nothing newer is known.
func TestAnAdmissionOnlyChangesTheGeneration(t *testing.T) {
	at := func(uid string, generation int64, request, record string) *unstructured.Unstructured {
		u := object("{" + gatewayAPI + "HTTPRoute, metadata: {name: r, namespace: one}, spec: {rules: [{timeouts: {request: " + request + "}}]}}")
		u.SetUID(types.UID(uid))
		u.SetGeneration(generation)
		if record != "" {
			u.SetAnnotations(map[string]string{injected.Annotation: record})
		}
		return u
	}
	put := func(value string) string {
		return `{"rules":[{"had":{"timeouts":{"request":"60s"}},"hash":"","index":0,"wrote":{"timeouts":{"request":"` + value + `"}}}]}`
	}
	route := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "one", "r")
	e := newEnforcer(Enforcement{})
	is := func(uid string, generation, want int64) {
		t.Helper()
		target := &effective.Target{Target: route, UID: uid, Generation: generation}
		if got := e.asAdmitted(target).Generation; got != want {
			t.Errorf("generation %d of %s counts as %d, want %d", generation, uid, got, want)
		}
	}
	is("u", 1, 1)
	e.admit(route, at("u", 1, "60s", ""), at("u", 2, "5s", put("5s")))
	is("u", 1, 2)
	e.admit(route, at("u", 2, "5s", put("5s")), at("u", 3, "6s", put("6s")))
	is("u", 1, 3)
	is("u", 2, 3)
	is("u", 3, 3) // the watch has told
	is("u", 1, 1)
	e.admit(route, at("u", 3, "6s", put("6s")), at("u", 4, "7s", put("7s")))
	is("another", 3, 3)
	e.admit(route, at("u", 4, "7s", put("7s")), at("u", 5, "8s", put("8s")))
	e.admit(route, at("u", 5, "8s", put("8s")), at("u", 6, "9s", "")) // the owner wrote at the same time
	is("u", 4, 4)

	arrives := func(uid string, generation int64, want bool) {
		t.Helper()
		if got := e.arrived(&effective.Target{Target: route, UID: uid, Generation: generation}); got != want {
			t.Errorf("generation %d of %s is planned already: %t, want %t", generation, uid, got, want)
		}
	}
	e.admit(route, at("u", 6, "60s", ""), at("u", 7, "8s", put("8s")))
	arrives("u", 7, false) // nobody plans what follows
	e.follows(route)
	arrives("u", 7, true) // the watch was faster than the answer
	if !e.followed(route) {
		t.Error("what comes during a touch is not left to who touches")
	}
	e.planned(route)
	if e.followed(route) {
		t.Error("what comes after a touch is left to who touched")
	}
	arrives("u", 6, false)
	arrives("another", 7, false)
	arrives("u", 7, true)
	arrives("u", 7, false) // it has arrived
}
