package enforcement_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/test/worldtest"
)

// refusing are CRDs that refuse nothing, or all objects.
type refusing bool

func (r refusing) Refuses(*unstructured.Unstructured) []string {
	if r {
		return []string{"not here"}
	}
	return nil
}

// rememberedWorld is a world that is changed step by step, by the names of what may change.
type rememberedWorld struct {
	snapshot *policy.Snapshot
	world    enforcement.World
	held     map[string]*unstructured.Unstructured
	missing  bool
	said     enforcement.State
	// ours is the name of the first object that was wanted, changed what was written last.
	ours    string
	changed hierarchy.Ref
}

// rememberedEdits are the manifests that may take the place of others.
var rememberedEdits = []string{
	`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: shop, labels: {attache.dev/inject: "BOOL"}}, spec: {parentRefs: [{name: envoy}, {name: traefik}], rules: [{name: a, timeouts: {request: 60s}, backendRefs: [{name: a, port: 80}]}]}}`,
	`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: other, namespace: shop}, spec: {parentRefs: [{name: NAME}], rules: [{name: a, backendRefs: [{name: a, port: 80}]}]}}`,
	`{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: envoy, annotations: {attache.dev/export: 'CLASS'}}, spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}}`,
	`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: p, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}, override: {request: TIMEs, connect: 1s}}}`,
	`{apiVersion: attache.dev/v1alpha1, kind: RateLimitPolicy, metadata: {name: l, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}, default: {requestsPerSecond: TIME, counter: Gateway}}}`,
}

// change makes one random change, or none.
func (w *rememberedWorld) change(t *rapid.T) {
	flip := rapid.Bool().Draw(t, "flip")
	switch rapid.SampledFrom([]string{"nothing", "manifest", "manifest", "foreign", "held", "fields", "schemas", "missing", "said", "config"}).Draw(t, "change") {
	case "manifest":
		pick := func(label string, words ...string) string { return rapid.SampledFrom(words).Draw(t, label) }
		text := strings.NewReplacer("BOOL", fmt.Sprint(flip), "NAME", pick("gateway", "envoy", "traefik", "none"), "TIME", pick("time", "1", "2"),
			"CLASS", pick("class", "envoy-gateway", "none", `{"mode":"Plan"}`)).Replace(rapid.SampledFrom(rememberedEdits).Draw(t, "manifest"))
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
			t.Fatal(err)
		}
		w.snapshot, _ = w.snapshot.With(u)
		w.changed = hierarchy.RefOf(u)
		w.world.Graph = w.snapshot.Graph()
	case "foreign":
		foreign := &unstructured.Unstructured{}
		_ = yaml.Unmarshal([]byte(`{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: theirs, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r, sectionName: a}]}}`), &foreign.Object)
		w.world.Foreign = export.NewForeignIndex(nil)
		if flip {
			w.world.Foreign = export.NewForeignIndex([]*unstructured.Unstructured{foreign})
		}
	case "held":
		w.held = map[string]*unstructured.Unstructured{}
		if flip {
			live := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"creationTimestamp": "2020-01-01T00:00:00Z"}}}
			w.held[w.ours] = live
		}
	case "fields":
		w.world.Fields.Timeouts = flip
	case "schemas":
		w.world.Schemas = refusing(flip)
	case "missing":
		w.missing = flip
	case "said":
		w.said = rapid.SampledFrom([]enforcement.State{enforcement.Pending, enforcement.Accepted, enforcement.Rejected}).Draw(t, "said")
	case "config":
		w.world.Config.Enabled = []string{export.EnvoyGateway}
		if flip {
			w.world.Config.Enabled = append(w.world.Config.Enabled, export.Traefik)
		}
	}
}

// TestWhatIsRememberedIsWhatIsTrue: after any change of what exporters read, the parts that are
// reused equal those that are computed again; and without a change nothing is computed.
func TestWhatIsRememberedIsWhatIsTrue(t *testing.T) {
	var kinds []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		kinds = append(kinds, worldtest.Object(t, string(file.Data)))
	}
	above := worldtest.Objects(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: envoy}, spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: traefik}, spec: {controllerName: traefik.io/gateway-controller}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: envoy, namespace: shop}, spec: {gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: traefik, namespace: shop}, spec: {gatewayClassName: traefik, listeners: [{name: http, port: 80, protocol: HTTP}]}}
---
`+strings.NewReplacer("BOOL", "true").Replace(rememberedEdits[0])+"\n---\n"+strings.ReplaceAll(rememberedEdits[3], "TIME", "1"))
	route := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "r")
	rapid.Check(t, func(t *rapid.T) {
		w := &rememberedWorld{said: enforcement.Pending}
		w.snapshot, _ = policy.NewSnapshot(policy.Options{}).With(append(kinds, above...)...)
		w.world = enforcement.World{
			Graph: w.snapshot.Graph(), Config: enforcement.Config{Enabled: []string{export.EnvoyGateway}}, Schemas: refusing(false),
			Fields:    export.StandardFields{Timeouts: true, Retry: true, FiltersMax: 16},
			Held:      func(string, hierarchy.Ref) map[string]*unstructured.Unstructured { return w.held },
			Installed: func(string) bool { return !w.missing },
		}
		var memory *enforcement.Memory
		var target *effective.Target
		of := w.snapshot
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			w.change(t)
			// As in the controller, what a change does not touch is not resolved again.
			if target == nil || w.snapshot != of && slices.Contains(slices.Concat(of.Touched(w.changed), w.snapshot.Touched(w.changed)), route) {
				target = effective.Resolve(w.snapshot, route).Get(route)
			}
			of = w.snapshot
			look := func(last *enforcement.Memory) (string, *enforcement.Memory, []enforcement.Result) {
				results, next := w.world.Look(target, last)
				var shown []any
				for i := range results {
					results[i].Readings = map[string]enforcement.Reading{}
					for _, o := range results[i].Projection.Objects {
						if w.ours == "" {
							w.ours = o.GetName()
						}
						results[i].Readings[o.GetName()] = enforcement.Reading{State: w.said}
						shown = append(shown, o.Object)
					}
					shown = append(shown, fmt.Sprint(results[i].Projection.Rules))
				}
				for _, e := range next.Entries(target, results) {
					shown = append(shown, e.Object())
				}
				return fmt.Sprint(shown), next, results
			}
			got, next, results := look(memory)
			want, _, _ := look(nil)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("what is remembered is not true (-made anew +remembered):\n%s", diff)
			}
			memory = next
			_, _, again := look(memory)
			for i := range again {
				if len(again[i].Projection.Outcomes) > 0 && &again[i].Projection.Outcomes[0] != &results[i].Projection.Outcomes[0] {
					t.Fatal("nothing changed, and it is made anew")
				}
			}
		}
	})
}
