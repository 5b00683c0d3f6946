package vendors

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
)

// envoyDiffers are the listeners at which Envoy Gateway counts otherwise than
// Gateway API says, with the reason. A difference that is not here fails the
// test, and so does one here that is gone.
var envoyDiffers = map[string]string{
	"backendtrafficpolicy-status-conditions: Gateway another-namespace/not-same-namespace-gateway#http":         noNamespace,
	"envoyextensionpolicy-status-conditions: Gateway another-namespace/not-same-namespace-gateway#http":         noNamespace,
	"tlsroute-invalid-reference-grant: Gateway gateway-conformance-infra/gateway-tlsroute-referencegrant#https": noNamespace,

	"clienttrafficpolicy-invalid-settings: Gateway default/gateway-1#tcp-1":                        sameName,
	"envoyextensionpolicy-with-wasm-invalid-configuration: Gateway default/gateway-2#http":         sameName,
	"httproute-with-urlrewrite-hostname-filter-invalid: Gateway envoy-gateway/gateway-1#http":      sameName,
	"envoyproxy-tls-settings-invalid-ns: Gateway envoy-gateway/gateway-tls":                        noName,
	"envoyproxy-tls-settings-invalid: Gateway envoy-gateway/gateway-tls":                           noName,
	"envoyproxy-tls-settings: Gateway envoy-gateway/gateway-tls":                                   noName,
	"gateway-with-listener-with-tcproute-with-multiple-rules: Gateway envoy-gateway/gateway-1#tcp": invalidRule,
	"gateway-with-listener-with-udproute-with-multiple-rules: Gateway envoy-gateway/gateway-1#udp": invalidRule,
	"grpcroute-with-direct-response-2xx-invalid: Gateway envoy-gateway/gateway-1#http":             invalidRule,
}

// The reasons. Those of the first four lines are no worlds that an API server
// could hold.
const (
	noNamespace = "the case lacks the Namespace of the route, without which Envoy Gateway allows nothing"
	sameName    = "two routes have one name: they are two there, and one object here"
	noName      = "a listener without a name, which the CRD refuses"
	invalidRule = "Envoy Gateway takes a route out of the count whose rule it cannot serve; Gateway API counts invalid routes, too"
)

// TestListenersHaveAsManyRoutesAsEnvoyGatewaySays compares attachedRoutes of every
// listener in Envoy Gateway's own test data.
func TestListenersHaveAsManyRoutesAsEnvoyGatewaySays(t *testing.T) {
	worlds, listeners := 0, 0
	differs := map[string]string{}
	for _, w := range envoyWorlds(t) {
		want := attached(w.out)
		if len(want) == 0 {
			continue
		}
		worlds++
		graph := graphOf(t, w)
		for _, ref := range slices.SortedFunc(maps.Keys(want), hierarchy.Compare) {
			listeners++
			if got := graph.AttachedRoutes(ref); got != want[ref] {
				differs[fmt.Sprintf("%s: %s", w.name, ref)] = fmt.Sprintf("%d, Envoy Gateway says %d", got, want[ref])
			}
		}
	}
	t.Logf("%d worlds with %d listeners, %d of which differ", worlds, listeners, len(differs))
	for _, key := range slices.Sorted(maps.Keys(differs)) {
		if envoyDiffers[key] == "" {
			t.Errorf("%s has %s", key, differs[key])
		}
	}
	for key := range envoyDiffers {
		if differs[key] == "" {
			t.Errorf("%s does not differ any more", key)
		}
	}
}

func graphOf(t testing.TB, w envoyWorld) *hierarchy.Graph {
	t.Helper()
	objects := []hierarchy.Object{}
	for _, u := range all(w.in) {
		if object, _ := decode.Object(u, nil); object != nil {
			objects = append(objects, object)
		}
	}
	return hierarchy.Build(objects)
}

// attached reads attachedRoutes from the status that is expected of Gateways and
// ListenerSets.
func attached(objects map[string][]*unstructured.Unstructured) map[hierarchy.Ref]int {
	counts := map[hierarchy.Ref]int{}
	for _, u := range all(objects) {
		if kind := u.GetKind(); kind != "Gateway" && kind != "ListenerSet" {
			continue
		}
		listeners, _, _ := unstructured.NestedSlice(u.Object, "status", "listeners")
		for _, l := range listeners {
			listener, _ := l.(map[string]any)
			ref := hierarchy.NewRef(hierarchy.Group, u.GetKind(), u.GetNamespace(), u.GetName())
			ref.Section, _ = listener["name"].(string)
			switch n := listener["attachedRoutes"].(type) {
			case int64:
				counts[ref] = int(n)
			case float64:
				counts[ref] = int(n)
			}
		}
	}
	return counts
}
