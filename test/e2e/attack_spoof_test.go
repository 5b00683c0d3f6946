package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/policy/publish"
)

// lookAlike is our annotation's key with another case.
const lookAlike = "Attache.dev/Effective-Policies"

// annotators are the ways to write annotations of an HTTPRoute. A nil removes one, where the way can.
func annotators() map[string]func(w *world, name string, values map[string]any) error {
	ways := map[string]func(w *world, name string, values map[string]any) error{}
	for _, version := range []string{"v1", "v1beta1"} {
		kind := "HTTPRoute." + version + ".gateway.networking.k8s.io"
		ways["update through "+version] = func(w *world, name string, values map[string]any) error {
			return w.attempt(kind, name, func(u *obj) {
				annotations := u.GetAnnotations()
				if annotations == nil {
					annotations = map[string]string{}
				}
				for key, value := range values {
					if value == nil {
						delete(annotations, key)
					} else {
						annotations[key] = value.(string)
					}
				}
				u.SetAnnotations(annotations)
			})
		}
		ways["merge patch through "+version] = func(w *world, name string, values map[string]any) error {
			patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": values}})
			if err != nil {
				return err
			}
			return w.Patch(w.Context(), named(kind, w.namespace, name), client.RawPatch(types.MergePatchType, patch))
		}
		ways["server-side apply through "+version] = func(w *world, name string, values map[string]any) error {
			annotations := map[string]any{}
			for key, value := range values {
				if value != nil {
					annotations[key] = value
				}
			}
			u := named(kind, w.namespace, name)
			u.Object["metadata"].(map[string]any)["annotations"] = annotations
			return w.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("other"), client.ForceOwnership)
		}
	}
	return ways
}

// spoofs are what somebody may want the annotation to be.
func spoofs() map[string]map[string]any {
	return map[string]map[string]any{
		"a false value":   {publish.Annotation: `{"scopes":[],"version":2}`},
		"none":            {publish.Annotation: nil},
		"another case":    {lookAlike: `{"scopes":[]}`},
		"false and alike": {publish.Annotation: "{}", lookAlike: "{}"},
	}
}

// eachWay tries a spoof by all ways.
func (w *world) eachWay(name, what string, values map[string]any, then func(what string)) {
	w.Helper()
	for way, write := range annotators() {
		if err := write(w, name, values); err != nil {
			w.Errorf("%s by %s: %v", what, way, err)
			continue
		}
		then(what + " by " + way)
	}
}

// honest says how the annotation of an HTTPRoute differs from what it should be.
func (w *world) honest(name, want string) error {
	w.Helper()
	u := w.object("HTTPRoute", name)
	if got := annotation(u); got != want {
		return fmt.Errorf("the annotation is %q", got)
	}
	if keys := slices.Sorted(maps.Keys(u.GetAnnotations())); slices.Contains(keys, lookAlike) {
		return fmt.Errorf("the annotations are %q", keys)
	}
	return nil
}

// Through every version and by every kind of write, admission stores the annotation that is right.
func TestTheAnnotationIsRightHoweverItIsWritten(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	alice.route("web", "5s")
	within(t, patience, "the route's result", func(context.Context) error { return alice.published("web", "5s") })
	s.controller.idle(t)
	right := annotation(alice.object("HTTPRoute", "web"))
	s.controller.kill() // which would put it right
	for what, values := range spoofs() {
		alice.eachWay("web", what, values, func(what string) {
			if err := alice.honest("web", right); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
	for _, version := range []string{"v1", "v1beta1"} {
		born := alice.create(`{apiVersion: gateway.networking.k8s.io/` + version + `, kind: HTTPRoute, metadata: {name: born-` + version + `, namespace: team-a, annotations: {attache.dev/effective-policies: "{}", ` + lookAlike + `: "{}"}}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{name: r1}]}}`)
		if got := born.GetAnnotations(); len(got) != 0 { // no policy reaches it
			t.Errorf("through %s it is born with %v", version, got)
		}
	}
}

// While no webhook answers and failurePolicy is Ignore, false values are stored. The controller puts
// them right and counts that; and no verdict is another because of them.
func TestAFalseAnnotationIsRepairedAndDecidesNothing(t *testing.T) {
	s := startSite(t, map[string]any{"admission": map[string]any{"failurePolicies": map[string]any{"policies": "Ignore", "gatewayAPI": "Ignore"}}}, "team-a")
	alice, heard := s.hearing("alice", "team-a")
	alice.route("web", "5s")
	s.as(s.plane.Config, "team-a").apply(atMost60s)
	within(t, patience, "the route's result", func(context.Context) error { return alice.published("web", "5s") })
	s.knows("at-most-60s-team-a", "team-a")
	s.controller.idle(t)
	right := annotation(alice.object("HTTPRoute", "web"))
	verdicts := func() (said string) {
		for _, value := range []string{"90s", "10s"} {
			before := len(heard.all())
			u := alice.object("TimeoutPolicy", "web")
			request(value)(u)
			err := alice.Update(t.Context(), u, client.DryRunAll)
			said += fmt.Sprintln(value, err, heard.all()[before:])
		}
		for _, value := range []string{"90s", "10s"} {
			before := len(heard.all())
			u := alice.object("HTTPRoute", "web")
			states(u, value)
			err := alice.Update(t.Context(), u, client.DryRunAll)
			said += fmt.Sprintln("stated", value, err, heard.all()[before:])
		}
		return said
	}
	honest := verdicts()
	if strings.Count(honest, "refused by guardrail at-most-60s-team-a") != 2 {
		t.Fatalf("the verdicts are %s", honest)
	}

	// One route for each: the controller does not fight about one object without end.
	routes := map[string]string{}
	for what := range spoofs() {
		name := fmt.Sprintf("web-%d", len(routes))
		alice.route(name, "5s")
		within(t, patience, "the route's result", func(context.Context) error { return alice.published(name, "5s") })
		routes[what] = name
	}
	s.controller.idle(t)
	s.board.down()
	for what, values := range spoofs() {
		name := routes[what]
		right := annotation(alice.object("HTTPRoute", name))
		alice.eachWay(name, what, values, func(what string) {
			within(t, patience, what+" to be put right", func(context.Context) error { return alice.honest(name, right) })
		})
	}
	s.controller.idle(t)
	if n := s.controller.metric(t, "attache_drift_repairs_total"); n < float64(len(spoofs())*3) {
		t.Errorf("%v repairs were counted", n)
	}

	s.controller.kill()
	for what, values := range spoofs() {
		if err := annotators()["update through v1"](alice, "web", values); err != nil {
			t.Fatal(err)
		}
		s.board.up()
		within(t, patience, "the verdicts with "+what, func(context.Context) error {
			if got := verdicts(); got != honest {
				return errors.New("-want +got:\n-" + honest + "+" + got)
			}
			return nil
		})
		if err := alice.honest("web", right); err == nil {
			t.Errorf("%s was put right by nobody", what)
		}
		s.board.down()
	}
	s.startController()
	within(t, patience, "the annotation to be right after a restart", func(context.Context) error { return alice.honest("web", right) })
	s.board.up()
}
