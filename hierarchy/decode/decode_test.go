package decode_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/test/worldtest"
)

const checkout = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop, labels: {team: pay}}
spec:
  parentRefs: [{name: public, namespace: infra}]
  hostnames: [shop.example.com]
  rules:
  - {name: pay, timeouts: {request: 7s}, backendRefs: [{name: pay, port: 80}]}
  - {backendRefs: [{name: rest, port: 80}]}`

// TestARouteIsReadWithItsDefaults: a manifest has not passed an API server (R3, R54).
func TestARouteIsReadWithItsDefaults(t *testing.T) {
	u := worldtest.Object(t, checkout)
	before := u.DeepCopy()
	object, problems := decode.Object(u, nil)
	route, ok := object.(*hierarchy.Route)
	if !ok || len(problems) > 0 {
		t.Fatalf("%T, %v", object, problems)
	}
	if len(route.Parents) != 1 || route.Parents[0].Ref != hierarchy.GatewayRef("infra", "public") {
		t.Errorf("parents %+v: kind and group of a parentRef default to a Gateway", route.Parents)
	}
	if len(route.Rules) != 2 || route.Rules[0].Name != "pay" || route.Rules[1].Name != "" {
		t.Errorf("rules %+v: no name is ever invented", route.Rules)
	}
	if diff := cmp.Diff(map[string]any{"timeouts": map[string]any{"request": "7s"}}, route.Rules[0].Inline); diff != "" {
		t.Errorf("what the rule states itself (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, u); diff != "" {
		t.Errorf("the manifest was changed (-before +after):\n%s", diff)
	}
}

func TestProblemsNameObjectAndField(t *testing.T) {
	u := worldtest.Object(t, strings.ReplaceAll(checkout, "hostnames: [shop.example.com]", "hostnames: {a: b}"))
	object, problems := decode.Object(u, nil)
	if object == nil {
		t.Error("an object with a problem is returned as far as it could be read")
	}
	if len(problems) != 1 || problems[0].Ref != hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout") || problems[0].Field != "spec.hostnames" {
		t.Errorf("%+v", problems)
	}
}

func TestKindsOutsideTheHierarchyAreNotRead(t *testing.T) {
	u := worldtest.Object(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: b}}`)
	if object, problems := decode.Object(u, nil); object != nil || problems != nil {
		t.Errorf("%v, %v", object, problems)
	}
}

// TestNothingMakesItPanic puts values of other types in every field. An object with a name is
// returned, however little of it could be read.
func TestNothingMakesItPanic(t *testing.T) {
	kinds := []string{"GatewayClass", "Gateway", "ListenerSet", "ReferenceGrant", "HTTPRoute", "GRPCRoute", "TLSRoute"}
	wrong := []any{nil, int64(7), "text", true, []any{}, []any{"text"}, []any{nil}, map[string]any{}, map[string]any{"name": int64(1)}}
	rapid.Check(t, func(t *rapid.T) {
		spec := map[string]any{}
		for _, field := range []string{"parentRefs", "hostnames", "rules", "listeners", "gatewayClassName", "from", "to", "allowedListeners", "parentRef"} {
			if rapid.Bool().Draw(t, field) {
				spec[field] = rapid.SampledFrom(wrong).Draw(t, "value")
			}
		}
		u := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
		u.SetAPIVersion("gateway.networking.k8s.io/v1")
		u.SetKind(rapid.SampledFrom(kinds).Draw(t, "kind"))
		u.SetName("a")
		u.SetNamespace("b")
		if object, _ := decode.Object(u, nil); object == nil {
			t.Fatalf("%s with a name is not read", u.GetKind())
		}
	})
}
