package hierarchy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
)

// The generators draw from few names, so that objects meet: they name each
// other, take each other's ports, and come again in other versions.
var (
	someNamespace = rapid.SampledFrom([]string{"a", "b"})
	someName      = rapid.SampledFrom([]string{"x", "y", "z"})
	someHost      = rapid.SampledFrom([]string{"", "a.example.com", "b.example.com", "*.example.com", "*.com", "example.org"})
	somePort      = rapid.SampledFrom([]int64{80, 443})
	someTime      = rapid.SampledFrom([]string{"", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"})
	someRouteKind = rapid.SampledFrom([]string{"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "QueueRoute"})
	someListener  = rapid.SampledFrom([]string{"l1", "l2", "l3"})
	someProtocol  = rapid.SampledFrom([]string{"HTTP", "HTTPS", "TLS", "TCP", "TCP", "UDP", "example.com/mq"})
	someGate      = rapid.SampledFrom([]any{
		nil, map[string]any{"from": "Same"}, map[string]any{"from": "All"}, map[string]any{"from": "All"},
		map[string]any{"from": "Selector", "selector": map[string]any{"matchLabels": map[string]any{"tier": "web"}}},
		map[string]any{"from": "Selector"},
	})
)

// someObject draws an object of any kind, as a manifest.
var someObject = rapid.Custom(func(t *rapid.T) *unstructured.Unstructured {
	kind := rapid.SampledFrom([]string{"Gateway", "Gateway", "ListenerSet", "ListenerSet", "Route", "Route", "Route", "Route", "Namespace", "ReferenceGrant", "GatewayClass"}).Draw(t, "kind")
	metadata := map[string]any{"name": someName.Draw(t, "name"), "namespace": someNamespace.Draw(t, "namespace")}
	if created := someTime.Draw(t, "created"); created != "" {
		metadata["creationTimestamp"] = created
	}
	object := map[string]any{"apiVersion": hierarchy.Group + "/v1", "kind": kind, "metadata": metadata}
	switch kind {
	case "Gateway":
		spec := map[string]any{
			"gatewayClassName": someName.Draw(t, "class"),
			"listeners":        drawListeners(t),
			"allowedListeners": map[string]any{"namespaces": someGate.Draw(t, "allowed listeners")},
		}
		if rapid.Bool().Draw(t, "default scope") {
			spec["defaultScope"] = "All"
		}
		object["spec"] = spec
	case "ListenerSet":
		object["spec"] = map[string]any{"parentRef": drawParent(t, "Gateway"), "listeners": drawListeners(t)}
	case "Route":
		object["kind"] = someRouteKind.Draw(t, "route kind")
		if object["kind"] == "QueueRoute" {
			object["apiVersion"] = "queue.example.com/v1"
		}
		object["spec"] = drawRoute(t)
	case "Namespace":
		object["apiVersion"] = "v1"
		metadata["name"] = metadata["namespace"]
		delete(metadata, "namespace")
		metadata["labels"] = map[string]any{"tier": rapid.SampledFrom([]string{"web", "db"}).Draw(t, "tier")}
	case "ReferenceGrant":
		object["spec"] = map[string]any{
			"from": []any{map[string]any{"group": hierarchy.Group, "kind": "HTTPRoute", "namespace": someNamespace.Draw(t, "from")}},
			"to":   []any{map[string]any{"group": "", "kind": "Service"}},
		}
	case "GatewayClass":
		delete(metadata, "namespace")
	}
	return &unstructured.Unstructured{Object: object}
})

func drawListeners(t *rapid.T) []any {
	var listeners []any
	for _, name := range rapid.SliceOfNDistinct(someListener, 0, 3, rapid.ID).Draw(t, "listeners") {
		l := map[string]any{"name": name, "port": somePort.Draw(t, "port"), "protocol": someProtocol.Draw(t, "protocol")}
		if host := someHost.Draw(t, "hostname"); host != "" {
			l["hostname"] = host
		}
		allowed := map[string]any{"namespaces": someGate.Draw(t, "allowed routes")}
		if rapid.Bool().Draw(t, "lists kinds") {
			allowed["kinds"] = []any{map[string]any{"kind": "HTTPRoute"}, map[string]any{"kind": "TCPRoute"}, map[string]any{"group": "queue.example.com", "kind": "QueueRoute"}}
		}
		l["allowedRoutes"] = allowed
		listeners = append(listeners, l)
	}
	return listeners
}

func drawParent(t *rapid.T, kinds ...string) map[string]any {
	parent := map[string]any{"name": someName.Draw(t, "parent"), "kind": rapid.SampledFrom(kinds).Draw(t, "parent kind")}
	if rapid.Bool().Draw(t, "names a namespace") {
		parent["namespace"] = someNamespace.Draw(t, "parent namespace")
	}
	if parent["kind"] == "Service" {
		parent["group"] = ""
	}
	return parent
}

func drawRoute(t *rapid.T) map[string]any {
	var parents, hosts []any
	for range rapid.IntRange(0, 3).Draw(t, "parents") {
		parent := drawParent(t, "Gateway", "Gateway", "ListenerSet", "Service")
		if rapid.Bool().Draw(t, "names a section") {
			parent["sectionName"] = someListener.Draw(t, "section")
		}
		if rapid.Bool().Draw(t, "names a port") {
			parent["port"] = somePort.Draw(t, "parent port")
		}
		parents = append(parents, parent)
	}
	for range rapid.IntRange(0, 2).Draw(t, "hosts") {
		if host := someHost.Draw(t, "host"); host != "" {
			hosts = append(hosts, host)
		}
	}
	spec := map[string]any{"parentRefs": parents, "hostnames": hosts, "rules": []any{
		map[string]any{"name": someName.Draw(t, "rule"), "backendRefs": []any{map[string]any{"name": "s", "namespace": someNamespace.Draw(t, "backend")}}},
		map[string]any{"name": someName.Draw(t, "rule")},
	}}
	if rapid.Bool().Draw(t, "default gateways") {
		spec["useDefaultGateways"] = "All"
	}
	return spec
}

// dump is everything that a Graph says about some objects, whether it has them
// or not.
func dump(g *hierarchy.Graph, refs []hierarchy.Ref) string {
	var b strings.Builder
	for _, ref := range refs {
		fmt.Fprintf(&b, "%s %s sections %d\n", ref, ref.GroupKind.Group, g.Sections(ref))
		for _, binding := range g.Bindings(ref) {
			fmt.Fprintf(&b, "  [%d] %s: %v, %s\n", binding.Parent.Index, outcome(binding), binding.Accepted, binding.Message)
		}
		for _, l := range g.BoundTo(ref) {
			shared, _ := g.Listener(l.Ref)
			fmt.Fprintf(&b, "  bound to %s, the Graph's own pointer: %v\n", l.Ref, l == shared)
		}
		for _, l := range g.Listeners(ref) {
			fmt.Fprintf(&b, "  has %s of %s, class %s, %s, attached %d, supports %v %v\n", l.Ref, l.ListenerSet, l.Class, l.Conflicted, g.AttachedRoutes(l.Ref), l.Supported, l.Spec)
			for _, path := range []any{g.Touched(l.Ref), pathLines(g, l.Ref)} {
				fmt.Fprintf(&b, "    %v\n", path)
			}
		}
		accepted, reason, message := g.ListenerSetStatus(ref)
		fmt.Fprintf(&b, "  status %v %s %s, %d attached\n", accepted, reason, message, g.AttachedListenerSets(ref))
		fmt.Fprintf(&b, "  touches %v\n  through %s\n  findings %s\n", g.Touched(ref), strings.Join(pathLines(g, ref), "\n    "), strings.Join(findingLines(g, ref), "\n    "))
		fmt.Fprintf(&b, "  permitted %v, labels %v\n", g.Permits(schema.GroupKind{Group: hierarchy.Group, Kind: "HTTPRoute"}, "a", hierarchy.NewRef("", "Service", ref.Namespace, "s")), g.NamespaceLabels(ref.Name))
	}
	return b.String()
}

func refsOf(objects map[hierarchy.Ref]hierarchy.Object) []hierarchy.Ref {
	return slices.SortedFunc(maps.Keys(objects), hierarchy.Compare)
}

func decodeAny(t *rapid.T, u *unstructured.Unstructured) hierarchy.Object {
	o, _ := decode.Object(u, isRoute)
	if o == nil {
		t.Fatalf("%s %s does not decode", u.GetKind(), u.GetName())
	}
	return o
}

// Whatever the edits that led to a Graph, it equals one that is built from the same objects.
func TestChangingAGraphIsBuildingAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := hierarchy.Build(nil)
		current := make(map[hierarchy.Ref]hierarchy.Object)
		ever := make(map[hierarchy.Ref]hierarchy.Object)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			if refs := refsOf(current); len(refs) > 0 && rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
				gone := rapid.SliceOfN(rapid.SampledFrom(refs), 1, 3).Draw(t, "gone")
				g = g.Without(gone...)
				for _, ref := range gone {
					delete(current, ref)
				}
			} else {
				var batch []hierarchy.Object
				for _, u := range rapid.SliceOfN(someObject, 1, 6).Draw(t, "batch") {
					o := decodeAny(t, u)
					batch = append(batch, o)
					current[o.Meta().Ref], ever[o.Meta().Ref] = o, o
				}
				g = g.With(batch...)
			}
			if rapid.Bool().Draw(t, "settle") {
				g = g.Settled()
			}
			built := hierarchy.Build(slices.Collect(maps.Values(current)))
			if diff := cmp.Diff(dump(built, refsOf(ever)), dump(g, refsOf(ever))); diff != "" {
				t.Fatalf("the changed Graph (+) is not the built one (-):\n%s", diff)
			}
		}
	})
}

// A Graph depends on the set of its objects only.
func TestTheOrderOfObjectsChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		objects := make(map[hierarchy.Ref]hierarchy.Object)
		for _, u := range rapid.SliceOfN(someObject, 2, 25).Draw(t, "objects") {
			o := decodeAny(t, u)
			objects[o.Meta().Ref] = o
		}
		refs := refsOf(objects)
		inOrder := make([]hierarchy.Object, len(refs))
		for i, ref := range refs {
			inOrder[i] = objects[ref]
		}
		want := dump(hierarchy.Build(inOrder), refs)
		if diff := cmp.Diff(want, dump(hierarchy.Build(rapid.Permutation(inOrder).Draw(t, "shuffled")), refs)); diff != "" {
			t.Fatalf("another order says something else:\n%s", diff)
		}
	})
}

// Values that a Graph returned do not change.
func TestAGraphNeverChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var objects []hierarchy.Object
		refs := make(map[hierarchy.Ref]hierarchy.Object)
		for _, u := range rapid.SliceOfN(someObject, 1, 20).Draw(t, "objects") {
			o := decodeAny(t, u)
			objects = append(objects, o)
			refs[o.Meta().Ref] = o
		}
		g := hierarchy.Build(objects)
		before := dump(g, refsOf(refs))
		next := g
		for _, u := range rapid.SliceOfN(someObject, 1, 10).Draw(t, "changes") {
			next = next.With(decodeAny(t, u))
		}
		next.Without(refsOf(refs)...)
		if diff := cmp.Diff(before, dump(g, refsOf(refs))); diff != "" {
			t.Fatalf("the Graph changed:\n%s", diff)
		}
	})
}

func TestDecodingChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := someObject.Draw(t, "object")
		before := u.DeepCopy()
		decodeAny(t, u)
		if diff := cmp.Diff(before.Object, u.Object); diff != "" {
			t.Fatalf("the input changed:\n%s", diff)
		}
	})
}
