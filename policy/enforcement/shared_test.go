package enforcement_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/test/worldtest"
)

// picky are CRDs that refuse the objects of some routes.
type picky string

func (p picky) Refuses(o *unstructured.Unstructured) []string {
	if p != "" && strings.Contains(o.GetName(), string(p)) {
		return []string{"not this one"}
	}
	return nil
}

// drawSharedWorld draws manifests of routes of which many have the same shape.
func drawSharedWorld(t *rapid.T) []*unstructured.Unstructured {
	var text []string
	add := func(format string, args ...any) { text = append(text, fmt.Sprintf(format, args...)) }
	pick := func(label string, words ...string) string { return rapid.SampledFrom(words).Draw(t, label) }
	for _, class := range []string{"envoy", "other"} {
		controller := pick("controller", "gateway.envoyproxy.io/gatewayclass-controller", "traefik.io/gateway-controller", "istio.io/gateway-controller", "example.com/unknown")
		annotation := pick("annotation", "", "", `{"hidden":"Refuse"}`, `{"inject":"All"}`, "none")
		add(`{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: %s, annotations: {attache.dev/export: '%s'}}, spec: {controllerName: %s}}`, class, annotation, controller)
		add(`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: %s, namespace: shop}, spec: {gatewayClassName: %s, listeners: [{name: a, port: 80, protocol: HTTP, hostname: "*.example.com", allowedRoutes: {namespaces: {from: All}}}, {name: b, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}`, class, class)
	}
	add(`{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {attache.dev/inject: "%s"}}}`, pick("namespace consents", "true", "false"))
	add(`{apiVersion: v1, kind: Namespace, metadata: {name: cart}}`)
	bodies := []string{drawBody(t), drawBody(t)}
	for i := range rapid.IntRange(2, 6).Draw(t, "routes") {
		name, namespace := fmt.Sprintf("route-%d", i), pick("namespace", "shop", "shop", "cart")
		labels := pick("labels", "{}", "{}", `{attache.dev/inject: "true"}`)
		body := strings.ReplaceAll(pick("body", bodies...), "NUMBER", fmt.Sprint(i))
		add(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: %s, namespace: %s, uid: u%d, labels: %s}, spec: %s}`, name, namespace, i, labels, body)
		if rapid.IntRange(0, 2).Draw(t, "own policy") == 0 {
			section := pick("section", "", ", sectionName: second")
			add(`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: %s, namespace: %s}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: %s%s}, override: {request: 9s}}}`, name, namespace, name, section)
		}
	}
	for i, spec := range []string{
		`TimeoutPolicy BLOCK: {request: 5s, connect: 1s, idle: 0s}`, `RetryPolicy BLOCK: {maxRetries: 2, retryOn: ["503", reset]}`,
		`RateLimitPolicy BLOCK: {requestsPerSecond: 10, key: ClientIP, counter: Gateway}`, `RateLimitPolicy BLOCK: {mode: Disabled}`,
	} {
		if rapid.Bool().Draw(t, "has "+spec) {
			kind, stated, _ := strings.Cut(strings.ReplaceAll(spec, "BLOCK", pick("block", "default", "override")), " ")
			add(`{apiVersion: attache.dev/v1alpha1, kind: %s, metadata: {name: p%d, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: %s}, %s}}`, kind, i, pick("gateway", "envoy", "other"), stated)
		}
	}
	objects := worldtest.Readable(strings.Join(text, "\n---\n"))
	if len(objects) != len(text) {
		t.Fatalf("%d of %d manifests can be read", len(objects), len(text))
	}
	return objects
}

// drawBody draws the spec of a route.
func drawBody(t *rapid.T) string {
	pick := func(label string, words ...string) string { return rapid.SampledFrom(words).Draw(t, label) }
	parents := pick("parents", "{name: envoy, namespace: shop}", "{name: envoy, namespace: shop}, {name: other, namespace: shop}", "{name: other, namespace: shop, sectionName: a}")
	hostnames := pick("hostnames", "[]", "[]", "[rNUMBER.example.com]", "[a.example.com, b.example.com]")
	second := pick("second rule", "", "", `, {name: second, backendRefs: [{name: b, port: 80}]}, {name: third, backendRefs: [{name: c, port: 80}]}`, `, {backendRefs: [{name: b, port: 80}]}`, `, {filters: [{type: RequestRedirect, requestRedirect: {port: 1}}]}`)
	first := pick("first rule", "", "name: first, ", "timeouts: {request: 60s}, ", "name: first, retry: {attempts: 1}, ")
	matches := pick("matches", "", "matches: [{path: {type: PathPrefix, value: /NUMBER}}], ")
	return fmt.Sprintf("{parentRefs: [%s], hostnames: %s, rules: [{%s%sbackendRefs: [{name: a, port: 80}]}%s]}", parents, hostnames, first, matches, second)
}

// TestSharedResultsAreThoseOfTheRoute: results and entries that routes share equal those of a route that is
// projected alone, with whatever else there is on the cluster, and through a change of the world.
func TestSharedResultsAreThoseOfTheRoute(t *testing.T) {
	var kinds []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		kinds = append(kinds, worldtest.Object(t, string(file.Data)))
	}
	shared := 0
	rapid.Check(t, func(t *rapid.T) {
		snapshot, _ := policy.NewSnapshot(policy.Options{}).With(append(kinds, drawSharedWorld(t)...)...)
		world := enforcement.World{
			Graph: snapshot.Graph(), Fields: export.StandardFields{Timeouts: true, Retry: true, FiltersMax: 16},
			Config: enforcement.Config{All: true, To: rapid.SampledFrom([]string{"", "", export.EnvoyGateway, export.EnvoyGateway, export.EnvoyGateway, export.Traefik, export.Nginx, export.Kgateway, export.Agentgateway}).Draw(t, "to")},
		}
		around(t, &world)
		with := world
		with.Shared = enforcement.NewShared()
		resolution := effective.ResolveAll(snapshot)
		paths := map[*export.Path]bool{}
		for range 2 {
			for target := range resolution.All() {
				alone, memory := world.Look(target, nil)
				results, remembered := with.Look(target, nil)
				same(t, alone, results)
				same(t, alone, look(with, target, remembered))
				if diff := cmp.Diff(entriesAs(memory.Entries(target, alone)), entriesAs(remembered.Entries(target, results))); diff != "" {
					t.Fatalf("entries of %v differ (-alone +shared):\n%s", target.Target, diff)
				}
				for i := range results {
					if len(results[i].Input.Paths) > 0 {
						if paths[&results[i].Input.Paths[0]] {
							shared++
						}
						paths[&results[i].Input.Paths[0]] = true
					}
				}
			}
			world.Fields.Timeouts, with.Fields.Timeouts = false, false
		}
	})
	if shared == 0 {
		t.Error("no two routes share anything")
	}
}

func look(w enforcement.World, t *effective.Target, last *enforcement.Memory) []enforcement.Result {
	results, _ := w.Look(t, last)
	return results
}

// around draws what else there is on the cluster.
func around(t *rapid.T, w *enforcement.World) {
	if rapid.Bool().Draw(t, "foreign") {
		ours := export.Target{
			Exporter: export.EnvoyGateway, Kind: export.Kind{Group: "gateway.envoyproxy.io", Kind: "BackendTrafficPolicy"},
			Route: hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "route-1"),
		}
		name, target := rapid.SampledFrom([]string{"theirs", ours.Name()}).Draw(t, "foreign name"), rapid.SampledFrom([]string{"route-1", "nothing"}).Draw(t, "foreign target")
		w.Foreign = export.NewForeignIndex(worldtest.Readable(fmt.Sprintf(`{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: BackendTrafficPolicy, metadata: {name: %s, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: %s}]}}`, name, target)))
	}
	if rapid.IntRange(0, 2).Draw(t, "held") == 0 {
		live := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "live"}, "spec": map[string]any{"retry": map[string]any{}}}}
		w.Held = func(_ string, route hierarchy.Ref) map[string]*unstructured.Unstructured {
			if route.Name == "route-0" {
				return nil
			}
			return map[string]*unstructured.Unstructured{"live": live}
		}
	}
	if rapid.IntRange(0, 2).Draw(t, "schemas") == 0 {
		w.Schemas = picky(rapid.SampledFrom([]string{"", "route-2"}).Draw(t, "refused object"))
	}
	if rapid.IntRange(0, 2).Draw(t, "refused") == 0 {
		w.Refused = func(route hierarchy.Ref, _ []export.RuleInjection) map[int]string {
			if route.Name == "route-3" {
				return map[int]string{0: "not valid"}
			}
			return nil
		}
	}
	if rapid.IntRange(0, 4).Draw(t, "missing") == 0 {
		w.Installed = func(string) bool { return false }
	}
	if rapid.Bool().Draw(t, "versions") {
		w.Version = func(route hierarchy.Ref) string {
			return map[bool]string{true: "v1", false: "v1beta1"}[route.Name == "route-1"]
		}
	}
}

// same fails unless two lists of results are equal.
func same(t *rapid.T, want, got []enforcement.Result) {
	if len(want) != len(got) {
		t.Fatalf("%d parts, not %d", len(got), len(want))
	}
	for i := range want {
		if want[i].Choice != got[i].Choice || !reflect.DeepEqual(want[i].Input, got[i].Input) {
			t.Fatalf("the input is\n%+v\nnot\n%+v", got[i].Input, want[i].Input)
		}
		a, b := want[i].Projection, got[i].Projection
		if diff := cmp.Diff([]any{a.Objects, a.Rules, a.Outcomes}, []any{b.Objects, b.Rules, b.Outcomes}); diff != "" {
			t.Fatalf("the projection for %v differs (-alone +shared):\n%s", want[i].Input.Route, diff)
		}
	}
}

// entriesAs returns entries as they are written.
func entriesAs(entries []enforcement.Entry) []any {
	list := make([]any, len(entries))
	for i := range entries {
		list[i] = entries[i].Object()
	}
	return list
}
