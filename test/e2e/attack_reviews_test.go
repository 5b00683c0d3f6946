package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/eventually"
)

type obj = unstructured.Unstructured

func setBlock(u *obj, block string, value map[string]any) {
	spec := u.Object["spec"].(map[string]any)
	delete(spec, "default")
	delete(spec, "override")
	spec[block] = value
}

// attempt edits an object as its author, again when somebody else wrote it meanwhile.
func (w *world) attempt(kind, name string, change func(*obj)) error {
	w.Helper()
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		u := w.object(kind, name)
		change(u)
		return w.Update(w.Context(), u)
	})
}

// refusedBy waits until an edit is refused by a guardrail.
func (w *world) refusedBy(guardrail, what string, try func() error) {
	w.Helper()
	within(w, patience, what+" to be refused", func(context.Context) error {
		switch err := try(); {
		case err == nil:
			return eventually.Final(errors.New("it is accepted"))
		case apierrors.IsConflict(err):
			return err
		case !strings.Contains(err.Error(), "guardrail "+guardrail):
			return eventually.Final(err)
		}
		return nil
	})
}

// knows waits until the replica knows a guardrail, by a creation that violates it.
func (s *site) knows(guardrail, namespace string) {
	s.Helper()
	w := s.as(s.plane.Config, namespace)
	w.apply(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: probe, namespace: NS}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}}`)
	within(s, patience, "the replica to know guardrail "+guardrail, func(context.Context) error {
		_, err := w.tryCreate(policyOn(namespace, "probe", "kind: HTTPRoute, name: probe", "default: {request: 2h}"), client.DryRunAll)
		if err == nil || !strings.Contains(err.Error(), "guardrail "+guardrail) {
			return fmt.Errorf("it says %w", err)
		}
		return nil
	})
}

// What is being deleted is in force for as long as somebody's finalizer keeps it.
func TestWhatIsBeingDeletedIsReviewed(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	alice.route("term", "5s")
	s.as(s.plane.Config, "team-a").apply(atMost60s)
	s.knows("at-most-60s-team-a", "team-a")
	for _, kind := range []string{"HTTPRoute", "TimeoutPolicy"} {
		alice.edit(kind, "term", func(u *obj) { u.SetFinalizers([]string{"team-a.io/hold"}) })
		alice.remove(kind, "term")
	}
	alice.refusedBy("at-most-60s-team-a", "a policy that is being deleted and asks for more", func() error {
		return alice.attempt("TimeoutPolicy", "term", request("5m"))
	})
	alice.refusedBy("at-most-60s-team-a", "a route that is being deleted and asks for more", func() error {
		return alice.attempt("HTTPRoute", "term", func(u *obj) {
			rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
			rules[0].(map[string]any)["timeouts"] = map[string]any{"request": "10m"}
			_ = unstructured.SetNestedSlice(u.Object, rules, "spec", "rules")
		})
	})
	for _, kind := range []string{"HTTPRoute", "TimeoutPolicy"} {
		alice.edit(kind, "term", func(u *obj) { u.SetLabels(map[string]string{"a": "b"}) })
		alice.edit(kind, "term", func(u *obj) { u.SetFinalizers(nil) })
		if alice.exists(kind, "term") {
			t.Errorf("%s term is still there", kind)
		}
	}
}

// A range, and two things in one expression: an old violation does not cover a new
// value.
func TestTheRatchetHoldsBothEnds(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	alice.route("ra", "90s")
	alice.apply(strings.ReplaceAll(policyOn("team-a", "ra", "kind: HTTPRoute, name: ra", "default: {maxRetries: 1}"), "TimeoutPolicy", "RetryPolicy"))
	s.admin.apply(`
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: range}
spec:
  cel:
  - expression: "!has(effective.TimeoutPolicy) || duration(effective.TimeoutPolicy.request) <= duration('60s') && duration(effective.TimeoutPolicy.request) >= duration('5s')"
    message: 5s to 60s
    fieldPath: effective.TimeoutPolicy.request
  - expression: "!has(effective.TimeoutPolicy) || duration(effective.TimeoutPolicy.request) <= duration('60s') && effective.?RetryPolicy.?maxRetries.orValue(0) <= 2"
    message: short and few
`)
	s.knows("range", "team-a")
	for _, value := range []string{"10h", "0s", "61s", "1s"} {
		alice.refusedBy("range", value, func() error { return alice.attempt("TimeoutPolicy", "ra", request(value)) })
	}
	alice.refusedBy("range", "more retries", func() error {
		return alice.attempt("RetryPolicy", "ra", func(u *obj) { setBlock(u, "default", map[string]any{"maxRetries": int64(5)}) })
	})
	alice.edit("TimeoutPolicy", "ra", func(u *obj) { u.SetLabels(map[string]string{"a": "b"}) })
	alice.edit("TimeoutPolicy", "ra", request("30s"))
	alice.edit("RetryPolicy", "ra", func(u *obj) { setBlock(u, "default", map[string]any{"maxRetries": int64(2)}) })
}

// A review that cannot be finished says so, within the chart's own timeout.
func TestAnUndecidedReviewEndsWithItsReason(t *testing.T) {
	s := startSite(t, nil)
	var cel, examples strings.Builder
	for i := range 32 {
		fmt.Fprintf(&cel, "  - {expression: 'lists.range(%d).all(a, a >= 0)', message: never}\n", 9000+i)
		fmt.Fprintf(&examples, "  - {name: e%d, input: {}, allowed: true}\n", i)
	}
	_, err := s.admin.tryCreate("apiVersion: attache.dev/v1alpha1\nkind: PolicyGuardrail\nmetadata: {name: heavy}\nspec:\n  cel:\n" + cel.String() + "  examples:\n" + examples.String())
	if err == nil || !strings.Contains(err.Error(), "attache could not review PolicyGuardrail heavy within 2s") {
		t.Errorf("a person reads: %v", err)
	}
	if n := s.replica.metric(t, "attache_undecided_total"); n != 1 {
		t.Errorf("the work was done %v times", n)
	}
}

// Status is not read, and does not keep anybody from editing.
func TestALargeStatusIsNoObstacle(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	alice.route("large", "5s")
	alice.editStatus("HTTPRoute", "large", func(u *obj) {
		var parents []any
		for i := range 32 {
			parents = append(parents, map[string]any{
				"controllerName": fmt.Sprintf("example.com/c%d", i), "parentRef": map[string]any{"name": "public"},
				"conditions": []any{
					map[string]any{"type": "Accepted", "status": "True", "reason": "Accepted", "lastTransitionTime": "2026-01-01T00:00:00Z", "message": strings.Repeat("x", 32_000)},
					map[string]any{"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs", "lastTransitionTime": "2026-01-01T00:00:00Z", "message": strings.Repeat("x", 8_000)},
				},
			})
		}
		u.Object["status"] = map[string]any{"parents": parents}
	})
	alice.edit("HTTPRoute", "large", func(u *obj) { u.SetLabels(map[string]string{"a": "b"}) })
	alice.edit("HTTPRoute", "large", func(u *obj) {
		_ = unstructured.SetNestedStringSlice(u.Object, []string{"l.example.com"}, "spec", "hostnames")
	})
}
