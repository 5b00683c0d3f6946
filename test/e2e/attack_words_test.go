package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/test/eventually"
)

// hides is a record which says that attache put a timeout into rule r1.
func hides(timeout string) map[string]string {
	return map[string]string{injected.Annotation: `{"rules":[{"had":{},"hash":"00000000","index":0,"rule":"r1","wrote":{"timeouts":{"request":"` + timeout + `"}}}]}`}
}

// states sets the request timeout of a route's only rule.
func states(u *obj, timeout string) {
	rule := map[string]any{"name": "r1"}
	if timeout != "" {
		rule["timeouts"] = map[string]any{"request": timeout}
	}
	_ = unstructured.SetNestedSlice(u.Object, []any{rule}, "spec", "rules")
}

// stated is the request timeout that a route's first rule states.
func stated(u *obj) string {
	rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
	if len(rules) == 0 {
		return ""
	}
	timeout, _, _ := unstructured.NestedString(rules[0].(map[string]any), "timeouts", "request")
	return timeout
}

// A forged record of what attache injected into a route does not hide the author's own values:
// data planes read these, so a guardrail has to.
func TestARecordOfWhatWasPutInHidesNothing(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	s.admin.apply(policyOn("infra", "public", "kind: Gateway, name: public", "default: {request: 10s}"))
	s.as(s.plane.Config, "team-a").apply(atMost60s)
	s.knows("at-most-60s-team-a", "team-a")
	route := func(name string) *obj {
		u := parsed(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: `+name+`, namespace: team-a}, spec: {parentRefs: [{name: public, namespace: infra}], hostnames: [`+name+`.example.com], rules: [{name: r1}]}}`)
		return u
	}
	notHidden := func(t *testing.T, name string, err error) {
		t.Helper()
		if err != nil {
			t.Logf("refused: %v", err)
			return
		}
		u := alice.object("HTTPRoute", name)
		if now := stated(u); now == "10m" {
			t.Errorf("the route says %s, beside %s", now, annotation(u))
		}
		if record := u.GetAnnotations()[injected.Annotation]; record != "" && u.GetDeletionTimestamp() == nil {
			t.Errorf("the record stays: %s", record)
		}
	}
	t.Run("of a new route", func(t *testing.T) {
		u := route("new")
		states(u, "10m")
		u.SetAnnotations(hides("10m"))
		notHidden(t, "new", alice.Create(t.Context(), u))
	})
	t.Run("in one edit", func(t *testing.T) {
		if err := alice.Create(t.Context(), route("once")); err != nil {
			t.Fatal(err)
		}
		notHidden(t, "once", alice.attempt("HTTPRoute", "once", func(u *obj) { states(u, "10m"); u.SetAnnotations(hides("10m")) }))
	})
	t.Run("the record first", func(t *testing.T) {
		if err := alice.Create(t.Context(), route("twice")); err != nil {
			t.Fatal(err)
		}
		alice.edit("HTTPRoute", "twice", func(u *obj) { u.SetAnnotations(hides("10m")) })
		notHidden(t, "twice", alice.attempt("HTTPRoute", "twice", func(u *obj) { states(u, "10m") }))
	})
	for how, first := range map[string]bool{"while it is deleted": false, "while it is deleted, the record first": true} {
		t.Run(how, func(t *testing.T) {
			name := fmt.Sprintf("going-%t", first)
			u := route(name)
			u.SetFinalizers([]string{"team-a.io/hold"})
			if err := alice.Create(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			alice.remove("HTTPRoute", name)
			if first {
				alice.edit("HTTPRoute", name, func(u *obj) { u.SetAnnotations(hides("10m")) })
			}
			notHidden(t, name, alice.attempt("HTTPRoute", name, func(u *obj) { states(u, "10m"); u.SetAnnotations(hides("10m")) }))
			alice.edit("HTTPRoute", name, func(u *obj) { u.SetFinalizers(nil) })
		})
	}
	t.Run("words that are allowed stay", func(t *testing.T) {
		u := route("fine")
		states(u, "50s")
		if err := alice.Create(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		if now := stated(alice.object("HTTPRoute", "fine")); now != "50s" {
			t.Errorf("the route says %q", now)
		}
	})
}

// exceptedFor is the guardrail of a minute, everywhere, with an exception.
func exceptedFor(match string, until time.Time) string {
	return fmt.Sprintf(`
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: minute}
spec:
  cel:
  - expression: "!has(effective.TimeoutPolicy) || !has(effective.TimeoutPolicy.request) || duration(effective.TimeoutPolicy.request) <= duration('60s')"
    message: no request may take longer than 60s
    fieldPath: effective.TimeoutPolicy.request
  exceptions:
  - {name: importer, reason: it is rewritten, until: %q, match: %s}
`, until.UTC().Format(time.RFC3339), match)
}

// An exception is for what it names, and for nothing with a similar name.
func TestAnExceptionIsForWhatItNames(t *testing.T) {
	s := startSite(t, nil, "team-a", "team-b")
	alice, bob := s.owner("alice", "team-a"), s.owner("bob", "team-b")
	for _, w := range []*world{alice, bob} {
		w.route("importer", "5s")
		w.route("other", "5s")
	}
	s.admin.apply(exceptedFor("{policies: [{kind: TimeoutPolicy, namespace: team-a, name: importer}]}", time.Now().Add(24*time.Hour)))
	s.knows("minute", "team-b")
	within(t, 60*time.Second, "the exception to be in force", func(context.Context) error {
		return alice.attempt("TimeoutPolicy", "importer", request("90s"))
	})
	within(t, 60*time.Second, "what it covers to be published", func(context.Context) error { return alice.published("importer", "90s") })

	bob.refusedBy("minute", "a policy of that name elsewhere", func() error { return bob.attempt("TimeoutPolicy", "importer", request("90s")) })
	alice.refusedBy("minute", "another policy", func() error { return alice.attempt("TimeoutPolicy", "other", request("90s")) })
	alice.refusedBy("minute", "the route's own words", func() error {
		return alice.attempt("HTTPRoute", "other", func(u *obj) { states(u, "90s") })
	})
	alice.refusedBy("minute", "the words of the route that has the name of the policy", func() error {
		return alice.attempt("HTTPRoute", "importer", func(u *obj) { states(u, "95s") })
	})
	alice.refusedBy("minute", "an older policy that holds what the excepted one held", func() error {
		_, err := alice.tryCreate(policyOn("team-a", "aaa", "kind: HTTPRoute, name: importer, sectionName: r1", "default: {request: 95s}"))
		return err
	})
	mine := strings.ReplaceAll(exceptedFor("{namespaces: [team-a]}", time.Now().Add(time.Hour)), "minute", "mine")
	if _, err := alice.tryCreate(mine); !apierrors.IsForbidden(err) {
		t.Errorf("a guardrail of one's own: %v", err)
	}
	s.admin.apply(exceptedFor("{routes: [{kind: HTTPRoute, namespace: team-a, name: importer}]}", time.Now().Add(24*time.Hour)))
	bob.refusedBy("minute", "a route of that name elsewhere", func() error {
		return bob.attempt("HTTPRoute", "importer", func(u *obj) { states(u, "90s") })
	})
	s.admin.apply(exceptedFor("{routes: [{kind: HTTPRoute, namespace: team-a, name: importer}]}", time.Now().Add(-time.Second)))
	within(t, 60*time.Second, "the ended exception to cover nothing", func(context.Context) error {
		err := alice.attempt("TimeoutPolicy", "importer", request("91s"))
		switch {
		case err == nil:
			return errors.New("it covers")
		case apierrors.IsConflict(err):
			return err
		case !strings.Contains(err.Error(), "guardrail minute"):
			return eventually.Final(err)
		}
		return nil
	})
	if err := bob.published("importer", "5s"); err != nil {
		t.Error(err)
	}
}
