package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/hierarchy/injected"
)

// groundRoute is a route of two rules, the second of which states a timeout. Its references have no
// weight, which the CRD fills in.
const groundRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop, labels: {attache.dev/inject: "true"}}
spec:
  parentRefs: [{name: envoy, namespace: infra}]
  rules:
  - name: cart
    matches: [{path: {type: PathPrefix, value: /cart}}]
    timeouts: {request: 50s}
    backendRefs: [{name: cart, port: 80}, {name: cart-canary, port: 80}]
  - name: pay
    matches: [{path: {type: PathPrefix, value: /pay}}]
    timeouts: {request: 60s}
    backendRefs: [{name: pay, port: 80}]
`

// ground is what the tests of package ground try with a webhook of their own, here with ours: what
// is written, read back and injected again, through pruning and defaulting (E13.6).
type ground struct{ *world }

// fresh is the route as its owner wrote it, applied anew.
func (g *ground) fresh() *unstructured.Unstructured {
	g.Helper()
	if g.exists("HTTPRoute", "checkout") {
		g.remove("HTTPRoute", "checkout")
	}
	return g.team(groundRoute)
}

// team is a server-side apply by the route's owner.
func (g *ground) team(manifest string, options ...client.ApplyOption) *unstructured.Unstructured {
	g.Helper()
	u := parsed(g, manifest)
	if err := g.Apply(g.Context(), client.ApplyConfigurationFromUnstructured(u), append(options, client.FieldOwner("team"))...); err != nil {
		g.Fatal(err)
	}
	return u
}

// touch is the request by which the controller makes an admission happen.
func (g *ground) touch() *unstructured.Unstructured {
	g.Helper()
	return g.patch(`{}`, "attache-inject")
}

func (g *ground) patch(body, manager string) *unstructured.Unstructured {
	g.Helper()
	u := named("HTTPRoute", g.namespace, "checkout")
	if err := g.Patch(g.Context(), u, client.RawPatch(types.MergePatchType, []byte(body)), client.FieldOwner(manager)); err != nil {
		g.Fatal(err)
	}
	return u
}

// has compares the request timeouts in a route, rule by rule.
func (g *ground) has(u *unstructured.Unstructured, want ...string) {
	g.Helper()
	if got := requestsIn(u.Object); fmt.Sprint(got) != fmt.Sprint(want) {
		g.Errorf("the rules have %v, want %v", got, want)
	}
}

// ownHas is has of the owner's words.
func (g *ground) ownHas(u *unstructured.Unstructured, want ...string) {
	g.Helper()
	if got := requestsIn(injected.OwnObject(u.Object)); fmt.Sprint(got) != fmt.Sprint(want) {
		g.Errorf("the owner's words are %v, want %v", got, want)
	}
}

func requestsIn(object map[string]any) []string {
	rules, _, _ := unstructured.NestedSlice(object, "spec", "rules")
	var list []string
	for _, rule := range rules {
		text, _, _ := unstructured.NestedString(rule.(map[string]any), "timeouts", "request")
		list = append(list, text)
	}
	return list
}

// stored is what changes when something is stored.
func stored(u *unstructured.Unstructured) string {
	return fmt.Sprintf("generation %d, resourceVersion %s", u.GetGeneration(), u.GetResourceVersion())
}

// TestOurWebhookOnTheGround has no controller: every request to the routes is one of the test's.
func TestOurWebhookOnTheGround(t *testing.T) {
	a := startAdmission(t, map[string]any{"platformNamespaces": []any{"infra"}, "export": map[string]any{"exporters": []any{"envoy-gateway", "standard"}}})
	w := a.as(a.plane.Config, "shop")
	planeCRDs(t, w)
	replica, address := a.replica("--exporters", "envoy-gateway,standard", "--platform-namespaces", "attache-system,infra")
	a.board.to(address)
	w.apply(exportAbove)
	w.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: infra}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: envoy}, override: {request: 20s}}
`)
	within(t, patience, "the replica to know the override", func(context.Context) error {
		u, err := w.tryCreate(groundRoute, client.DryRunAll)
		if err == nil && requestsIn(u.Object)[1] != "20s" {
			err = fmt.Errorf("a dry run has %v", requestsIn(u.Object))
		}
		return err
	})
	on := func(name string, test func(g *ground)) {
		t.Run(name, func(t *testing.T) { test(&ground{newWorld(t, a.plane.Config, "shop")}) })
	}
	on("rules stay the applier's, and the same apply writes nothing", groundApplier)
	on("a rule that is renamed keeps its own words", groundRenamed)
	on("rules that are reordered with other weights keep theirs", groundReordered)
	on("a record that is removed is remembered", groundRecordRemoved)
	on("patches that change nothing do not call", func(g *ground) { groundNoOps(g, replica) })
	on("a write through v1beta1 is changed alike", groundV1beta1)
	on("a leaf that the CRD does not know is not written", groundPruned)
	on("a value that would break the CRD's rules is not written", groundBroken)
}

func groundApplier(g *ground) {
	tried := g.team(groundRoute, client.DryRunAll)
	born := g.fresh()
	g.has(born, "20s", "20s")
	g.ownHas(born, "50s", "60s")
	if a, b := tried.GetAnnotations()[injected.Annotation], born.GetAnnotations()[injected.Annotation]; a != b || a == "" {
		g.Errorf("a dry run has the record %s, the route %s", a, b)
	}
	for _, m := range born.GetManagedFields() {
		if fields := m.FieldsV1.GetRawString(); strings.Contains(fields, `"f:rules"`) && m.Manager != "team" || strings.Contains(fields, injected.Annotation) {
			g.Errorf("%s owns %s", m.Manager, fields)
		}
	}
	for range 3 {
		if again := g.team(groundRoute); stored(again) != stored(born) {
			g.Errorf("the same apply gives %s after %s: %s", stored(again), stored(born), cmp.Diff(born.Object, again.Object))
		}
	}
	if touched := g.touch(); stored(touched) != stored(born) {
		g.Errorf("a touch gives %s after %s", stored(touched), stored(born))
	}
	edited := g.team(strings.Replace(groundRoute, "60s", "45s", 1))
	g.has(edited, "20s", "20s")
	g.ownHas(edited, "50s", "45s")
	if edited.GetGeneration() != born.GetGeneration() {
		g.Errorf("%s after %s, and what is in force is the same", stored(edited), stored(born))
	}
}

// editStored sends back what is stored, changed, as kubectl edit does.
func (g *ground) editStored(change func(string) string) *unstructured.Unstructured {
	g.Helper()
	text, err := json.Marshal(g.object("HTTPRoute", "checkout").Object)
	if err != nil {
		g.Fatal(err)
	}
	after := change(string(text))
	if after == string(text) {
		g.Fatal("nothing is changed")
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal([]byte(after), &u.Object); err != nil {
		g.Fatal(err)
	}
	if err := g.Update(g.Context(), u); err != nil {
		g.Fatal(err)
	}
	return u
}

func groundRenamed(g *ground) {
	g.fresh()
	renamed := g.editStored(func(text string) string {
		return strings.Replace(text, `"name":"pay","timeouts"`, `"name":"charge","timeouts"`, 1)
	})
	g.has(renamed, "20s", "20s")
	g.ownHas(renamed, "50s", "60s")
	unnamed := g.editStored(func(text string) string { return strings.Replace(text, `"name":"charge","timeouts"`, `"timeouts"`, 1) })
	g.has(unnamed, "20s", "20s")
	g.ownHas(unnamed, "50s", "60s")
}

func groundReordered(g *ground) {
	g.remove("HTTPRoute", "checkout")
	g.team(strings.NewReplacer("  - name: cart\n    matches", "  - matches", "  - name: pay\n    matches", "  - matches").Replace(groundRoute))
	u := g.object("HTTPRoute", "checkout")
	rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "rules")
	for _, rule := range rules {
		for _, ref := range rule.(map[string]any)["backendRefs"].([]any) {
			ref.(map[string]any)["weight"] = int64(2)
		}
	}
	_ = unstructured.SetNestedSlice(u.Object, []any{rules[1], rules[0]}, "spec", "rules")
	if err := g.Update(g.Context(), u); err != nil {
		g.Fatal(err)
	}
	g.has(u, "20s", "20s")
	g.ownHas(u, "60s", "50s")
}

func groundRecordRemoved(g *ground) {
	g.fresh()
	g.patch(`{"metadata":{"annotations":{"`+injected.Annotation+`":null}}}`, "somebody")
	g.ownHas(g.object("HTTPRoute", "checkout"), "50s", "60s")
	g.patch(`{"metadata":{"annotations":null}}`, "somebody")
	g.ownHas(g.object("HTTPRoute", "checkout"), "50s", "60s")
	u := g.object("HTTPRoute", "checkout")
	u.SetAnnotations(nil)
	if err := g.Update(g.Context(), u); err != nil {
		g.Fatal(err)
	}
	g.has(g.object("HTTPRoute", "checkout"), "20s", "20s")
	g.ownHas(g.object("HTTPRoute", "checkout"), "50s", "60s")
}

func groundNoOps(g *ground, replica *process) {
	born := g.fresh()
	calls := func() float64 { return replica.metricWith(g.TB, "attache_admission_requests_total", "mutate") }
	before := calls()
	if before == 0 {
		g.Fatal("the metric does not count this webhook")
	}
	for range 100 {
		g.patch(`{}`, "somebody")
	}
	for i := range 20 {
		g.patch(fmt.Sprintf(`{"metadata":{"annotations":{"unrelated":"%d"}}}`, i), "somebody")
	}
	if n := calls() - before; n != 0 {
		g.Errorf("120 patches that change nothing that matters called the webhook %v times", n)
	}
	if after := g.object("HTTPRoute", "checkout"); after.GetGeneration() != born.GetGeneration() {
		g.Errorf("%s after %s", stored(after), stored(born))
	}
}

func groundV1beta1(g *ground) {
	g.remove("HTTPRoute", "checkout")
	old := g.team(strings.Replace(groundRoute, "io/v1\n", "io/v1beta1\n", 1))
	if old.GetAPIVersion() != "gateway.networking.k8s.io/v1beta1" {
		g.Fatalf("it is %s", old.GetAPIVersion())
	}
	g.has(old, "20s", "20s")
	g.ownHas(g.object("HTTPRoute", "checkout"), "50s", "60s")
	if again := g.team(strings.Replace(groundRoute, "io/v1\n", "io/v1beta1\n", 1)); stored(again) != stored(old) {
		g.Errorf("the same apply gives %s after %s", stored(again), stored(old))
	}
}

// patchRoutesCRD changes the CRD of routes for a test.
func (g *ground) patchRoutesCRD(change func(rule map[string]any)) {
	g.Helper()
	const crds, name = "CustomResourceDefinition.v1.apiextensions.k8s.io", "httproutes.gateway.networking.k8s.io"
	var before any
	newWorld(g.TB, g.config, "").edit(crds, name, func(u *unstructured.Unstructured) {
		before, _, _ = unstructured.NestedFieldCopy(u.Object, "spec", "versions")
		versions, _, _ := unstructured.NestedSlice(u.Object, "spec", "versions")
		for _, v := range versions {
			path := []string{"schema", "openAPIV3Schema", "properties", "spec", "properties", "rules", "items"}
			rule, found, err := unstructured.NestedMap(v.(map[string]any), path...)
			if !found || err != nil {
				continue
			}
			change(rule)
			_ = unstructured.SetNestedMap(v.(map[string]any), rule, path...)
		}
		_ = unstructured.SetNestedSlice(u.Object, versions, "spec", "versions")
	})
	g.Cleanup(func() {
		err := errors.New("not tried")
		for range 10 { // its status is written, too
			u := named(crds, "", name)
			if err = g.Get(context.Background(), client.ObjectKeyFromObject(u), u); err != nil {
				break
			}
			_ = unstructured.SetNestedField(u.Object, before, "spec", "versions")
			if err = g.Update(context.Background(), u); !apierrors.IsConflict(err) {
				break
			}
		}
		if err != nil {
			g.Error(err)
		}
	})
}

// settles waits until a touch of the route leaves in it what is wanted.
func (g *ground) settles(want ...string) *unstructured.Unstructured {
	g.Helper()
	var u *unstructured.Unstructured
	within(g, patience, "the route to be as it has to be", func(context.Context) error {
		if u = g.touch(); fmt.Sprint(requestsIn(u.Object)) != fmt.Sprint(want) {
			return fmt.Errorf("the rules have %v, want %v", requestsIn(u.Object), want)
		}
		return nil
	})
	return u
}

// groundPruned: a leaf that would be pruned would be written with every request, and the generation
// would grow.
func groundPruned(g *ground) {
	g.fresh()
	g.patchRoutesCRD(func(rule map[string]any) { unstructured.RemoveNestedField(rule, "properties", "timeouts") })
	within(g, patience, "nothing to be written any more", func(context.Context) error {
		if u := g.touch(); u.GetAnnotations()[injected.Annotation] != "" {
			return errors.New("there is a record: " + u.GetAnnotations()[injected.Annotation])
		}
		return nil
	})
	settled := g.touch()
	for range 3 {
		if again := g.touch(); stored(again) != stored(settled) {
			g.Errorf("a touch gives %s after %s", stored(again), stored(settled))
		}
	}
}

// groundBroken: whatever would break a rule of the CRD is left out of that rule, and nobody's write is
// refused for it.
func groundBroken(g *ground) {
	g.fresh()
	g.patchRoutesCRD(func(rule map[string]any) {
		timeouts, _, _ := unstructured.NestedMap(rule, "properties", "timeouts")
		rules, _ := timeouts["x-kubernetes-validations"].([]any)
		timeouts["x-kubernetes-validations"] = append(rules, map[string]any{
			"rule": "!has(self.request) || duration(self.request) > duration('45s')", "message": "we take our time",
		})
		_ = unstructured.SetNestedMap(rule, timeouts, "properties", "timeouts")
	})
	g.settles("50s", "60s")
	u := g.patch(`{"metadata":{"labels":{"a":"b"}}}`, "somebody")
	g.has(u, "50s", "60s")
	if record := u.GetAnnotations()[injected.Annotation]; record != "" {
		g.Errorf("there is a record: %s", record)
	}
}
