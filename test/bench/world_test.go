package bench

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/validate"
)

type object = map[string]any

const gatewayAPI = "gateway.networking.k8s.io/v1"

// world is the size of a cluster as a platform has it. There is a Gateway with four
// listeners for every twenty routes, a namespace for every ten routes, and a
// GatewayClass for every two hundred Gateways, or as many classes as are said.
//
// Every class and every Gateway has a policy of each of our kinds: one half state
// overrides, the other half defaults, and a tenth bounds as well. Every tenth route
// has one of each, as does one rule of every twentieth. In every tenth namespace a
// policy on the Namespace reaches all its routes, and one selects routes by a label.
type world struct{ routes, classes int }

const infra = "infra"

func (w world) gateways() int { return max(1, w.routes/20) }

func (w world) classCount() int {
	if w.classes > 0 {
		return w.classes
	}
	return (w.gateways() + 199) / 200
}

func (w world) namespace(route int) string { return fmt.Sprintf("team-%d", route%max(1, w.routes/10)) }

// cluster is the world of a number of routes.
func cluster(routes int) []*unstructured.Unstructured { return world{routes: routes}.objects() }

func (w world) objects() []*unstructured.Unstructured {
	var objs []*unstructured.Unstructured
	for i := range w.classCount() {
		objs = append(objs, gatewayClass(i))
		objs = append(objs, above("GatewayClass", fmt.Sprintf("class-%d", i), i)...)
	}
	for i := range w.gateways() {
		objs = append(objs, gateway(i, i%w.classCount()))
		objs = append(objs, above("Gateway", fmt.Sprintf("gateway-%d", i), i)...)
	}
	for i := range max(1, w.routes/10) {
		objs = append(objs, namespace(i)...)
	}
	for i := range w.routes {
		name := fmt.Sprintf("route-%d", i)
		objs = append(objs, httpRoute(w.namespace(i), name, i, w.gateways()))
		if i%10 == 0 {
			objs = append(objs, policies(w.namespace(i), place{kind: "HTTPRoute", name: name}, "default", i)...)
		}
		if i%20 == 1 {
			objs = append(objs, policies(w.namespace(i), place{kind: "HTTPRoute", name: name, section: "write"}, "default", i)...)
		}
	}
	return objs
}

// listenerSets is a Gateway with many ListenerSets, each with one listener, policies of its own and
// sixteen routes: the world of the ListenerSet measurements of the public Gateway API benchmark.
func listenerSets(sets int) []*unstructured.Unstructured {
	g := gateway(0, 0)
	_ = unstructured.SetNestedField(g.Object, "All", "spec", "allowedListeners", "namespaces", "from")
	objs := append([]*unstructured.Unstructured{gatewayClass(0), g}, above("GatewayClass", "class-0", 0)...)
	objs = append(objs, above("Gateway", "gateway-0", 0)...)
	for i := range sets {
		name, space := fmt.Sprintf("set-%d", i), fmt.Sprintf("team-%d", i%250)
		objs = append(objs, &unstructured.Unstructured{Object: object{"apiVersion": gatewayAPI, "kind": "ListenerSet",
			"metadata": object{"name": name, "namespace": space},
			"spec": object{
				"parentRef": object{"name": "gateway-0", "namespace": infra},
				"listeners": []any{object{"name": "http", "port": int64(80), "protocol": "HTTP", "hostname": fmt.Sprintf("*.%s.example.com", name)}},
			}}})
		objs = append(objs, policies(space, place{kind: "ListenerSet", name: name}, "default", i)[i%3])
		for j := range 16 {
			r := httpRoute(space, fmt.Sprintf("route-%d-%d", i, j), j, 1)
			_ = unstructured.SetNestedSlice(r.Object, []any{fmt.Sprintf("r%d.%s.example.com", j, name)}, "spec", "hostnames")
			_ = unstructured.SetNestedSlice(r.Object, []any{object{"group": "gateway.networking.k8s.io", "kind": "ListenerSet", "name": name}}, "spec", "parentRefs")
			objs = append(objs, r)
		}
	}
	return objs
}

func gatewayClass(i int) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{"apiVersion": gatewayAPI, "kind": "GatewayClass",
		"metadata": object{"name": fmt.Sprintf("class-%d", i)}, "spec": object{"controllerName": "example.com/gateway"}}}
}

func gateway(i, class int) *unstructured.Unstructured {
	var listeners []any
	for j := range 4 {
		listeners = append(listeners, object{"name": fmt.Sprintf("http-%d", j), "port": int64(8080 + j), "protocol": "HTTP",
			"allowedRoutes": object{"namespaces": object{"from": "All"}}})
	}
	return &unstructured.Unstructured{Object: object{"apiVersion": gatewayAPI, "kind": "Gateway",
		"metadata": object{"name": fmt.Sprintf("gateway-%d", i), "namespace": infra},
		"spec":     object{"gatewayClassName": fmt.Sprintf("class-%d", class), "listeners": listeners}}}
}

// namespace is a Namespace; every tenth has two policies for the routes in it.
func namespace(i int) []*unstructured.Unstructured {
	name := fmt.Sprintf("team-%d", i)
	objs := []*unstructured.Unstructured{{Object: object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name}}}}
	if i%10 != 0 {
		return objs
	}
	byLabel := &unstructured.Unstructured{Object: object{"apiVersion": "attache.dev/v1alpha1", "kind": "RetryPolicy",
		"metadata": object{"name": "paying", "namespace": name},
		"spec": object{"strategy": "Patch", "default": object{"maxRetries": int64(1)},
			"targetSelectors": []any{object{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute",
				"matchLabels": object{"tier": "paying"}}}}}}
	whole := &unstructured.Unstructured{Object: object{"apiVersion": "attache.dev/v1alpha1", "kind": "TimeoutPolicy",
		"metadata": object{"name": "all-routes", "namespace": name},
		"spec": object{"strategy": "Patch", "default": object{"request": "20s"},
			"targetRef": object{"group": "", "kind": "Namespace", "name": name}}}}
	return append(objs, byLabel, whole)
}

func httpRoute(namespace, name string, i, gateways int) *unstructured.Unstructured {
	parent := func(n int) object {
		return object{"name": fmt.Sprintf("gateway-%d", n%gateways), "namespace": infra}
	}
	parents := []any{parent(i)}
	if other := (i*7 + 1) % gateways; other != i%gateways {
		second := parent(other)
		if i%2 == 0 {
			second["sectionName"] = fmt.Sprintf("http-%d", i%4)
		}
		parents = append(parents, second)
	}
	rule := func(name string) object {
		return object{"name": name,
			"matches":     []any{object{"path": object{"type": "PathPrefix", "value": "/" + name}}},
			"backendRefs": []any{object{"name": "backend", "port": int64(80)}}}
	}
	labels := object{"tier": []any{"free", "paying"}[i%2]}
	return &unstructured.Unstructured{Object: object{
		"apiVersion": gatewayAPI, "kind": "HTTPRoute", "metadata": object{"name": name, "namespace": namespace, "labels": labels},
		"spec": object{
			"parentRefs": parents,
			"hostnames":  []any{name + ".example.com"},
			"rules":      []any{rule("read"), rule("write")},
		},
	}}
}

// place is what a policy names.
type place struct{ kind, name, section string }

func (p place) ref() object {
	ref := object{"group": "gateway.networking.k8s.io", "kind": p.kind, "name": p.name}
	if p.section != "" {
		ref["sectionName"] = p.section
	}
	return ref
}

// above are the policies of the platform on one of its objects: every second one
// overrides, every tenth bounds.
func above(kind, name string, i int) []*unstructured.Unstructured {
	block := []string{"default", "override"}[i%2]
	objs := policies(infra, place{kind: kind, name: name}, block, i)
	if i%10 == 0 {
		_ = unstructured.SetNestedMap(objs[0].Object, object{"request": object{"max": "60s"}}, "spec", "bounds")
	}
	return objs
}

// policies are one policy of each of our kinds on a target.
func policies(namespace string, at place, block string, i int) []*unstructured.Unstructured {
	stated := []struct {
		kind   string
		values object
	}{
		{"TimeoutPolicy", object{"request": fmt.Sprintf("%ds", 10+i%50), "backend": "5s"}},
		{"RetryPolicy", object{"maxRetries": int64(1 + i%5), "retryOn": []any{"gateway-error"}}},
		{"RateLimitPolicy", object{"requestsPerSecond": int64(100 + i%7)}},
	}
	var objs []*unstructured.Unstructured
	for _, s := range stated {
		name := strings.ToLower(at.kind) + "-" + at.name
		if at.section != "" {
			name += "-" + at.section
		}
		objs = append(objs, &unstructured.Unstructured{Object: object{
			"apiVersion": "attache.dev/v1alpha1", "kind": s.kind,
			"metadata": object{"name": name, "namespace": namespace},
			"spec":     object{"strategy": "Patch", "targetRef": at.ref(), block: s.values},
		}})
	}
	return objs
}

// snapshot is the cluster as the engine sees it, merged values checked against
// their schemas as in production.
func snapshot(b *testing.B, routes int) *policy.Snapshot { return read(b, cluster(routes)) }

func read(b *testing.B, objs []*unstructured.Unstructured) *policy.Snapshot {
	b.Helper()
	s, problems := policy.NewSnapshot(options).With(append(definitions(b), objs...)...)
	for _, p := range problems {
		b.Fatal(p)
	}
	return s
}

var options = policy.Options{Compile: compile, PlatformNamespaces: []string{infra}}

func compile(d crd.Definition) (policy.Validator, error) { return validate.Compile(d) }
