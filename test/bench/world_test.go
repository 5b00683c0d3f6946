package bench

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/validate"
)

type object = map[string]any

const gatewayAPI = "gateway.networking.k8s.io/v1"

// cluster is a cluster of the benchmark's shape with a number of routes; one
// Gateway for twenty routes.
func cluster(routes int) []*unstructured.Unstructured {
	gateways := max(1, routes/20)
	var objs []*unstructured.Unstructured
	add := func(o object) { objs = append(objs, &unstructured.Unstructured{Object: o}) }
	for i := range 5 {
		add(object{"apiVersion": gatewayAPI, "kind": "GatewayClass", "metadata": object{"name": fmt.Sprintf("class-%d", i)},
			"spec": object{"controllerName": "example.com/gateway"}})
		objs = append(objs, policies("infra", "GatewayClass", fmt.Sprintf("class-%d", i), i)...)
	}
	for i := range gateways {
		var listeners []any
		for j := range 4 {
			listeners = append(listeners, object{"name": fmt.Sprintf("http-%d", j), "port": int64(8080 + j), "protocol": "HTTP",
				"allowedRoutes": object{"namespaces": object{"from": "All"}}})
		}
		name := fmt.Sprintf("gateway-%d", i)
		add(object{"apiVersion": gatewayAPI, "kind": "Gateway", "metadata": object{"name": name, "namespace": "infra"},
			"spec": object{"gatewayClassName": fmt.Sprintf("class-%d", i%5), "listeners": listeners}})
		objs = append(objs, policies("infra", "Gateway", name, i)...)
	}
	for i := range routes {
		namespace, name := fmt.Sprintf("team-%d", i%100), fmt.Sprintf("route-%d", i)
		objs = append(objs, httpRoute(namespace, name, i, gateways))
		if i%10 == 0 {
			objs = append(objs, policies(namespace, "HTTPRoute", name, i)...)
		}
	}
	return objs
}

func httpRoute(namespace, name string, i, gateways int) *unstructured.Unstructured {
	parent := func(n int) object {
		return object{"name": fmt.Sprintf("gateway-%d", n%gateways), "namespace": "infra"}
	}
	rule := func(name string) object {
		return object{"name": name,
			"matches":     []any{object{"path": object{"type": "PathPrefix", "value": "/" + name}}},
			"backendRefs": []any{object{"name": "backend", "port": int64(80)}}}
	}
	return &unstructured.Unstructured{Object: object{
		"apiVersion": gatewayAPI, "kind": "HTTPRoute", "metadata": object{"name": name, "namespace": namespace},
		"spec": object{
			"parentRefs": []any{parent(i), parent(i*7 + 1)},
			"hostnames":  []any{name + ".example.com"},
			"rules":      []any{rule("read"), rule("write")},
		},
	}}
}

// policies are one policy of each of our kinds on a target.
func policies(namespace, kind, name string, i int) []*unstructured.Unstructured {
	blocks := map[string]object{
		"TimeoutPolicy":   {"request": fmt.Sprintf("%ds", 10+i%50), "backend": "5s"},
		"RetryPolicy":     {"maxRetries": int64(1 + i%5), "retryOn": []any{"5xx"}},
		"RateLimitPolicy": {"requestsPerSecond": int64(100 + i%7)},
	}
	var objs []*unstructured.Unstructured
	for _, policyKind := range []string{"TimeoutPolicy", "RetryPolicy", "RateLimitPolicy"} {
		objs = append(objs, &unstructured.Unstructured{Object: object{
			"apiVersion": "attache.dev/v1alpha1", "kind": policyKind,
			"metadata": object{"name": strings.ToLower(kind) + "-" + name, "namespace": namespace},
			"spec": object{
				"strategy":  "Patch",
				"targetRef": object{"group": "gateway.networking.k8s.io", "kind": kind, "name": name},
				"default":   blocks[policyKind],
			},
		}})
	}
	return objs
}

// snapshot is the cluster as the engine sees it, merged values checked against
// their schemas as in production.
func snapshot(b *testing.B, routes int) *policy.Snapshot {
	b.Helper()
	var kinds []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(file.Data, &u.Object); err != nil {
			b.Fatal(err)
		}
		kinds = append(kinds, u)
	}
	s, problems := policy.NewSnapshot(policy.Options{Compile: compile}).With(append(kinds, cluster(routes)...)...)
	for _, p := range problems {
		b.Fatal(p)
	}
	return s
}

func compile(d crd.Definition) (policy.Validator, error) { return validate.Compile(d) }
