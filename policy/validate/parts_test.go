package validate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/crds"
)

// specimen is an object of the example with what its kind is validated by.
type specimen struct {
	object  *unstructured.Unstructured
	node    *node
	version *version
}

// specimens are the objects of the example that have a CRD, one node for each kind, so that what one
// object leaves behind in its parts is met by the others.
func specimens(t *testing.T) []specimen {
	t.Helper()
	registry, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(crds.Attache(), crds.GatewayAPI()...) {
		for _, u := range manifests(t, file.Data) {
			if err := registry.Add(u); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := filepath.Glob("../../examples/shop/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all []specimen
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range manifests(t, data) {
			d := registry.definition(u.GroupVersionKind().GroupKind())
			if d == nil {
				continue
			}
			v, err := d.version(u.GroupVersionKind().Version)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, specimen{u, v.node, v})
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d objects to start from", len(all))
	}
	return all
}

func manifests(t *testing.T, data []byte) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		u := &unstructured.Unstructured{}
		err := decoder.Decode(u)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(u.Object) > 0 {
			objects = append(objects, u)
		}
	}
}

// TestPartsAreFineWhenTheWholeIs: taking an object apart and remembering parts gives the verdict that
// an API server's code gives on the whole, and the cost of its rules, whatever was asked before.
func TestPartsAreFineWhenTheWholeIs(t *testing.T) {
	all := specimens(t)
	verdicts := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(all).Draw(t, "object")
		object := s.object.DeepCopy().Object
		for range rapid.IntRange(0, 3).Draw(t, "edits") {
			edit(t, object)
		}
		defaulting.Default(object, s.node.structural)
		gotCost, got := s.node.parts.cost(t.Context(), s.node.parts.root, object)
		wantCost, want := costOfWhole(t.Context(), s.node, object)
		if got != want || want && gotCost != wantCost {
			t.Fatalf("parts say %v at a cost of %d, the whole says %v at %d", got, gotCost, want, wantCost)
		}
		verdicts[want]++
	})
	if verdicts[true] == 0 || verdicts[false] == 0 {
		t.Errorf("all objects have one verdict: %v", verdicts)
	}
}

func costOfWhole(ctx context.Context, n *node, object map[string]any) (cost int64, fine bool) {
	if len(validation.ValidateCustomResource(nil, object, n.openapi)) > 0 || len(listtype.ValidateListSetsAndMaps(nil, n.structural, object)) > 0 {
		return 0, false
	}
	rules := n.rules()
	if rules == nil {
		return 0, true
	}
	errs, left := rules.Validate(ctx, nil, n.structural, object, nil, celconfig.RuntimeCELCostBudget)
	return celconfig.RuntimeCELCostBudget - left, len(errs) == 0
}

// edit changes one place of an object: it is taken away, doubled, or gets another value, often one that
// stands elsewhere in the object.
func edit(t *rapid.T, object map[string]any) {
	var places []func(any) // each sets one place; nil takes it away
	values := []any{"", "x", "Exact", "HTTP", "/a", strings.Repeat("a", 300), int64(0), int64(-1), int64(70000), 1.5, true, []any{}, map[string]any{}}
	var walk func(value any)
	walk = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(value)) {
				entry := value[name]
				places = append(places, func(to any) {
					if value[name] = to; to == nil {
						delete(value, name)
					}
				})
				values = append(values, entry)
				walk(entry)
			}
		case []any:
			for i, entry := range value {
				places = append(places, func(to any) { value[i] = to })
				values = append(values, entry)
				walk(entry)
			}
		}
	}
	spec, ok := object["spec"].(map[string]any)
	if !ok {
		return
	}
	walk(spec)
	if len(places) == 0 {
		return
	}
	place := places[rapid.IntRange(0, len(places)-1).Draw(t, "place")]
	if rapid.Bool().Draw(t, "take away") {
		place(nil)
		return
	}
	value := runtime.DeepCopyJSONValue(values[rapid.IntRange(0, len(values)-1).Draw(t, "value")])
	if rapid.Bool().Draw(t, "twice") {
		value = []any{value, runtime.DeepCopyJSONValue(value)}
	}
	place(value)
}
