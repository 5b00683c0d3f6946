package hierarchy_test

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
)

func Example() {
	manifests := []map[string]any{
		{
			"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
			"metadata": map[string]any{"name": "public", "namespace": "infra"},
			"spec": map[string]any{"gatewayClassName": "edge", "listeners": []any{map[string]any{
				"name": "https", "port": int64(443), "protocol": "HTTPS", "hostname": "*.example.com",
				"allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "All"}},
			}}},
		},
		{
			"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
			"metadata": map[string]any{"name": "checkout", "namespace": "shop"},
			"spec": map[string]any{
				"parentRefs": []any{map[string]any{"name": "public", "namespace": "infra"}},
				"hostnames":  []any{"shop.example.com"},
				"rules":      []any{map[string]any{"name": "pay"}, map[string]any{}},
			},
		},
	}
	var objects []hierarchy.Object
	for _, m := range manifests {
		object, problems := decode.Object(&unstructured.Unstructured{Object: m}, nil)
		if len(problems) > 0 {
			fmt.Println(problems)
		}
		objects = append(objects, object)
	}
	g := hierarchy.Build(objects)

	checkout := hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout")
	for _, b := range g.Bindings(checkout) {
		fmt.Println(b.Parent.Ref, b.Reason, b.Listeners[0].Hostnames)
	}
	for path := range g.Through(hierarchy.GatewayClassRef("edge")) {
		for _, node := range path {
			fmt.Printf("%s %s", node.Level, node.Ref.Name)
			if node.Level == hierarchy.RouteRuleLevel {
				fmt.Printf("[%d] %q\n", node.Rule, node.Ref.Section)
			} else {
				fmt.Print(" > ")
			}
		}
	}
	// Output:
	// Gateway infra/public Accepted [shop.example.com]
	// GatewayClass edge > Gateway public > Listener public > Namespace shop > Route checkout > RouteRule checkout[0] "pay"
	// GatewayClass edge > Gateway public > Listener public > Namespace shop > Route checkout > RouteRule checkout[1] ""
}
