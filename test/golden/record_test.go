package golden_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/status"
)

// records lists, for every route of the input that something is put into, the record that admission
// would leave on it, with all exporters switched on and every object that filters name there.
func (w *world) records(t *testing.T) []byte {
	t.Helper()
	snapshot := w.snapshot(t)
	resolution := effective.ResolveAll(snapshot)
	fields := export.FieldsOf(w.routeCRD(t))
	injector := status.Injector{
		Exists: func(hierarchy.Ref, types.UID) bool { return true },
		World: func(g *hierarchy.Graph) enforcement.World {
			return enforcement.World{Graph: g, Config: enforcement.Config{All: true}, Fields: fields}
		},
	}
	var b strings.Builder
	for _, route := range w.objects(t) {
		ref := hierarchy.RefOf(route)
		target := resolution.Get(ref)
		if target == nil || !injected.Writable(ref.GroupKind.Group, ref.GroupKind.Kind) {
			continue
		}
		result := injector.Inject(snapshot.Graph(), target, status.Own(route, nil), nil, true)
		if len(result.Record.Rules) > 0 {
			fmt.Fprintf(&b, "%s\n%s\n", ref, strings.ReplaceAll(result.Record.String(), `},{"had"`, "},\n"+`{"had"`))
		}
	}
	return []byte(b.String())
}

// routeCRD is the CRD of HTTPRoute in the input, else the one in the binary.
func (w *world) routeCRD(t *testing.T) *unstructured.Unstructured {
	t.Helper()
	const name = "httproutes." + hierarchy.Group
	for _, o := range w.objects(t) {
		if o.GetName() == name {
			return o
		}
	}
	registry, err := source.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, definition := range registry.CRDs() {
		if definition.GetName() == name {
			return definition
		}
	}
	t.Fatalf("the binary has no %s", name)
	return nil
}
