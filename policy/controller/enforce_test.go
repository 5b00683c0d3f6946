package controller

import (
	"testing"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export"
)

// A data plane reads routes and what they name apart: what a route named stays a
// while, and what nobody names goes at once.
func TestWhatRoutesNameLingers(t *testing.T) {
	e := newEnforcer(Enforcement{})
	now := time.Now()
	named, apart := hierarchy.NewRef("traefik.io", "Middleware", "shop", "a"), hierarchy.NewRef("gateway.envoyproxy.io", "BackendTrafficPolicy", "shop", "a")
	if left := e.lingers(export.EnvoyGateway, apart, now); left != 0 {
		t.Errorf("what no route names stays %s", left)
	}
	if left := e.lingers(export.Traefik, named, now); left != linger {
		t.Errorf("it stays %s, want %s", left, linger)
	}
	if left := e.lingers(export.Traefik, named, now.Add(linger-time.Second)); left != time.Second {
		t.Errorf("it stays %s, want 1s", left)
	}
	e.stays(named) // it is wanted again in between
	if left := e.lingers(export.Traefik, named, now.Add(linger)); left != linger {
		t.Errorf("wanted in between, it stays %s, want %s", left, linger)
	}
	if left := e.lingers(export.Traefik, named, now.Add(2*linger)); left != 0 {
		t.Errorf("after its time it stays %s", left)
	}
}

// Admission may not know yet what the controller knows: the same touch is sent
// again, later each time, and after a pause from the beginning. A change of what
// is wanted, or of what there is to be named, begins anew at once.
func TestATouchThatDoesNotHelpIsSentAgainLater(t *testing.T) {
	e := newEnforcer(Enforcement{})
	route := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout")
	send := func(key string, want bool, wait time.Duration) {
		t.Helper()
		if now, after := e.nextTouch(route, key); now != want || after != wait {
			t.Errorf("%s: %t and %s, want %t and %s", key, now, after, want, wait)
		}
	}
	for wait := time.Second; wait <= 16*time.Second; wait *= 2 {
		send("a", true, wait)
	}
	send("a", false, 30*time.Second)
	send("a", true, time.Second)
	send("b", true, time.Second)
	send("b", true, 2*time.Second)
	e.touchAnew(route)
	send("b", true, time.Second)
}
