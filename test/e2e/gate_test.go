package e2e

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/test/controlplane"
)

// atMost60s is a guardrail on the world's namespace.
const atMost60s = `
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: at-most-60s-NS}
spec:
  match: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}}}
  enforcement: Deny
  cel:
  - expression: "!has(effective.TimeoutPolicy) || !has(effective.TimeoutPolicy.request) || duration(effective.TimeoutPolicy.request) <= duration('60s')"
    message: no request may take longer than 60s
    fieldPath: effective.TimeoutPolicy.request
`

// request sets the request timeout in the default block of a policy.
func request(value string) func(*unstructured.Unstructured) {
	return func(u *unstructured.Unstructured) {
		u.Object["spec"].(map[string]any)["default"] = map[string]any{"request": value}
	}
}

// programmed is the condition Programmed of a policy under its first ancestor.
func (w *world) programmed(name string) (reason, message string) {
	w.Helper()
	ancestors, _, _ := unstructured.NestedSlice(w.object("TimeoutPolicy", name).Object, "status", "ancestors")
	for _, a := range ancestors {
		for _, c := range a.(map[string]any)["conditions"].([]any) {
			if c := c.(map[string]any); c["type"] == "Programmed" {
				return fmt.Sprint(c["reason"]), fmt.Sprint(c["message"])
			}
		}
	}
	return "", ""
}

func (w *world) untilProgrammed(name, want string) (message string) {
	w.Helper()
	within(w, patience, name+" to be Programmed for the reason "+want, func(context.Context) error {
		reason, text := w.programmed(name)
		if message = text; reason != want {
			return fmt.Errorf("it is %s: %s", reason, text)
		}
		return nil
	})
	return message
}

// events counts the events of a reason about an object.
func (w *world) events(name, reason string) (n int, note string) {
	w.Helper()
	for _, e := range w.all("Event.v1.events.k8s.io", w.namespace) {
		about, _, _ := unstructured.NestedString(e.Object, "regarding", "name")
		if about == name && e.Object["reason"] == reason {
			n, note = n+1, fmt.Sprint(e.Object["note"])
		}
	}
	return n, note
}

// published says whether a route's annotation and its EffectivePolicy both have
// a request timeout. They are written one after the other.
func (w *world) published(route, timeout string) error {
	w.Helper()
	if annotation := mergedValue(w.object("HTTPRoute", route), "TimeoutPolicy"); !strings.Contains(annotation, strconv.Quote(timeout)) {
		return fmt.Errorf("%s is annotated %q", route, annotation)
	}
	shown := w.find(publish.Kind, "httproute."+route)
	if shown == nil {
		return fmt.Errorf("%s has no EffectivePolicy", route)
	}
	if says, _, _ := unstructured.NestedString(shown.Object, "status", "summary", "timeout"); says != timeout {
		return fmt.Errorf("the EffectivePolicy of %s says %q", route, says)
	}
	return nil
}

// Without admission, every edit is one that lost a race.
func TestWhatViolatesAGuardrailIsNotPublishedAcrossRestarts(t *testing.T) {
	plane := controlplane.Shared(t)
	w := newWorld(t, plane.Config, plane.NewNamespace(t))
	w.apply(strings.ReplaceAll(strings.ReplaceAll(shop, ", timeouts: {backendRequest: 2s}", ""), ", backend: 5s", "") + "\n---\n" + atMost60s)
	manager := startManager(t, plane.Kubeconfig)
	w.untilProgrammed("checkout", "Programmed")

	w.edit("TimeoutPolicy", "checkout", request("90s"))
	message := w.untilProgrammed("checkout", "GuardrailViolated")
	for _, part := range []string{"at-most-60s-" + w.namespace, "HTTPRoute " + w.namespace + "/checkout", "no request may take longer than 60s", "90s"} {
		if !strings.Contains(message, part) {
			t.Errorf("the condition does not say %q: %s", part, message)
		}
	}
	within(t, patience, "the last good one to be what is published", func(context.Context) error {
		return w.published("checkout", "60s")
	})
	within(t, patience, "events", func(context.Context) error {
		// The policy's and the route's, which have one name.
		if n, note := w.events("checkout", "GuardrailViolated"); n != 2 || !strings.Contains(note, "at-most-60s") {
			return fmt.Errorf("%d events: %s", n, note)
		}
		return nil
	})
	if n := manager.metric(t, "attache_held_targets"); n != 1 {
		t.Errorf("%v targets are held back", n)
	}
	// A route that never had anything published gets nothing.
	w.apply(`
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: late, namespace: NS}, spec: {parentRefs: [{name: public}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: late, namespace: NS}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: late}, default: {request: 2h}}}`)
	w.untilProgrammed("late", "GuardrailViolated")

	manager.kill()
	w.edit("HTTPRoute", "checkout", func(u *unstructured.Unstructured) {
		u.SetAnnotations(map[string]string{publish.Annotation: "by hand"})
	})
	before := w.object(publish.Kind, "httproute.checkout").GetResourceVersion()
	again := startManager(t, plane.Kubeconfig)
	within(t, patience, "the annotation to be put right", func(context.Context) error {
		if got := mergedValue(w.object("HTTPRoute", "checkout"), "TimeoutPolicy"); !strings.Contains(got, `"60s"`) {
			return errors.New("it says " + got)
		}
		return nil
	})
	again.idle(t)
	if after := w.object(publish.Kind, "httproute.checkout").GetResourceVersion(); after != before {
		t.Error("a restart writes the EffectivePolicy that is held back")
	}
	if n, _ := w.events("checkout", "GuardrailViolated"); n > 3 { // the route's may be told once more
		t.Errorf("a restart makes %d events", n)
	}

	w.edit("TimeoutPolicy", "checkout", request("45s"))
	w.untilProgrammed("checkout", "Programmed")
	within(t, patience, "what is fine again to be published", func(context.Context) error {
		if err := w.published("checkout", "45s"); err != nil {
			return err
		}
		if n, _ := w.events("checkout", "Published"); n != 1 {
			return fmt.Errorf("%d events say so", n)
		}
		return nil
	})
	w.remove("PolicyGuardrail.v1alpha1.attache.dev", "at-most-60s-"+w.namespace)
	w.untilProgrammed("late", "Programmed")
	w.settled(10 * time.Second)
}
