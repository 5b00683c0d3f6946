package hierarchy_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
)

// Whatever shape an object has, decoding it gives an object, problems, both or neither, and a
// Graph can be built from the result.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		town, public,
		routeHead + "spec: {parentRefs: [{name: g, port: 80, sectionName: l}], rules: [{name: a, retry: {codes: [500]}, backendRefs: [{name: b}]}]}",
		gatewayHead + "spec: {gatewayClassName: c, listeners: [{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: In, values: [b]}]}}}}]}",
		"apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: g, namespace: a}\nspec: {from: [{kind: HTTPRoute, namespace: b}], to: [{kind: Service}]}",
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {b: c}}",
		`{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet", "metadata": {"name": "s", "creationTimestamp": null}, "spec": {"parentRef": 7}}`,
		`{"apiVersion": ["v1"], "kind": {}, "metadata": []}`,
		routeHead + "spec: [[[[]]]]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var value map[string]any
		if yaml.Unmarshal(data, &value) != nil {
			return
		}
		u := &unstructured.Unstructured{Object: value}
		everythingIsARoute := func(schema.GroupKind) bool { return true }
		o, problems := decode.Object(u, everythingIsARoute)
		for _, p := range problems {
			if p.Field == "" || p.Message == "" {
				t.Errorf("a problem without a place or a message: %+v", p)
			}
		}
		if o == nil {
			return
		}
		ref := o.Meta().Ref
		g := hierarchy.Build([]hierarchy.Object{o})
		if got, ok := g.Get(ref); !ok || got != o {
			t.Errorf("%v is not in the Graph built of it", ref)
		}
		dump(g, []hierarchy.Ref{ref})
		if _, ok := g.Without(ref).Get(ref); ok {
			t.Errorf("%v cannot be removed", ref)
		}
	})
}
