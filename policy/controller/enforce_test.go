package controller

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/status"
)

// A data plane reads routes and the objects to which they refer separately: an object to which a
// route referred stays for a while, and one to which nothing refers is removed at once.
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

// For the same reason a route does not name an object at once that was just created.
func TestWhatRoutesNameSettles(t *testing.T) {
	e := newEnforcer(Enforcement{})
	now := time.Now()
	named, apart := hierarchy.NewRef("traefik.io", "Middleware", "shop", "a"), hierarchy.NewRef("gateway.envoyproxy.io", "BackendTrafficPolicy", "shop", "a")
	if left := e.settles(export.Traefik, named, now); left != 0 {
		t.Errorf("what was there before waits %s", left)
	}
	e.createdNow(named, now)
	e.createdNow(apart, now)
	if left := e.settles(export.EnvoyGateway, apart, now); left != 0 {
		t.Errorf("what no route names waits %s", left)
	}
	if left := e.settles(export.Traefik, named, now.Add(settling/4)); left != settling-settling/4 {
		t.Errorf("it waits %s, want %s", left, settling-settling/4)
	}
	if left := e.settles(export.Traefik, named, now.Add(settling)); left != 0 {
		t.Errorf("after its time it waits %s", left)
	}
}

// Admission may not know yet what the controller knows: the same touch is sent again, after longer
// and longer pauses, and then from the beginning. When the wanted values or the objects to which
// they refer change, it starts again at once.
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

// What has been waiting for a minute is reported; after an answer the wait starts again.
func TestAPlaneHasAMinuteToAnswer(t *testing.T) {
	e := newEnforcer(Enforcement{})
	object := hierarchy.NewRef("gateway.envoyproxy.io", "BackendTrafficPolicy", "shop", "a")
	now := time.Now()
	asks := func(waits bool, at time.Duration, wantLeft time.Duration, wantOver bool) {
		t.Helper()
		if left, over := e.waits(object, waits, now.Add(at)); left != wantLeft || over != wantOver {
			t.Errorf("after %s: %s left, over %t; want %s, %t", at, left, over, wantLeft, wantOver)
		}
	}
	asks(true, 0, time.Minute, false)
	asks(true, 59*time.Second, time.Second, false)
	asks(true, time.Minute, 0, true)
	asks(false, 61*time.Second, 0, false)
	asks(true, 62*time.Second, time.Minute, false)
}

// Enforced changes to False and back to True with an Unknown between, and each change is reported;
// the state before a restart is in the status.
func TestTurnsOfEnforcedAreTold(t *testing.T) {
	e := newEnforcer(Enforcement{})
	planner := status.Planner{Now: time.Now}
	says := func(value string) *unstructured.Unstructured {
		u := object(`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: p, namespace: shop}}`)
		u.Object["status"] = map[string]any{"ancestors": []any{map[string]any{
			"controllerName": status.ControllerName,
			"conditions":     []any{map[string]any{"type": status.ConditionEnforced, "status": value, "message": "m"}},
		}}}
		return u
	}
	before := says("True")
	for _, step := range []struct{ now, event string }{
		{"Unknown", ""}, {"False", status.ReasonNotEnforced}, {"False", ""}, {"Unknown", ""}, {"True", status.ConditionEnforced}, {"True", ""},
	} {
		after := says(step.now)
		reason := ""
		for _, w := range e.turns(planner, before, after) {
			reason, _ = w.Object.Object["reason"].(string)
		}
		if reason != step.event {
			t.Errorf("from %v to %s: event %q, want %q", before.Object["status"], step.now, reason, step.event)
		}
		before = after
	}
}
