package validate

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"
)

// metadataEdits are fields of metadata as people write and clusters dump them, right and wrong.
var metadataEdits = []map[string]any{
	{"labels": map[string]any{"a": "b", "example.org/c": ""}},
	{"labels": map[string]any{}},
	{"labels": map[string]any{"a b": "c"}},
	{"labels": map[string]any{"a": true}},
	{"annotations": map[string]any{"a": "b"}},
	{"annotations": nil},
	{"creationTimestamp": nil},
	{"creationTimestamp": "2026-01-31T12:00:00Z", "uid": "1", "resourceVersion": "7", "generation": int64(2)},
	{"creationTimestamp": "yesterday"},
	{"name": ""},
	{"name": "Upper"},
	{"name": int64(1)},
	{"namespace": ""},
	{"namespace": "a.b"},
	{"generateName": "x-"},
	{"nmae": "x"},
	{"finalizers": []any{"example.org/a"}, "ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1"}}},
}

// rootEdits are fields beside spec.
var rootEdits = []map[string]any{
	{"status": map[string]any{"anything": []any{int64(1), nil}}},
	{"sepc": map[string]any{}},
	{"spec": map[string]any{}},
	{"spec": nil},
	{"spec": []any{}},
	{"metadata": nil},
	{"metadata": "a"},
}

// An object that is accepted as it is, apart from defaults, is stored as the API server's code
// stores it, and that code reports no problem. Every valid object is accepted in this way, except
// those with nulls.
func TestWhatIsTakenAtOnceIsWhatAServerStores(t *testing.T) {
	all := specimens(t)
	taken := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(all).Draw(t, "object")
		u := s.object.DeepCopy()
		for range rapid.IntRange(0, 2).Draw(t, "edits of spec") {
			edit(t, u.Object)
		}
		if rapid.IntRange(0, 2).Draw(t, "edits metadata") == 0 {
			for name, value := range rapid.SampledFrom(metadataEdits).Draw(t, "metadata") {
				u.Object["metadata"].(map[string]any)[name] = runtime.DeepCopyJSONValue(value)
			}
		}
		if rapid.IntRange(0, 4).Draw(t, "edits the root") == 0 {
			for name, value := range rapid.SampledFrom(rootEdits).Draw(t, "root") {
				u.Object[name] = runtime.DeepCopyJSONValue(value)
			}
		}
		given, want := u.DeepCopy(), u.DeepCopy()
		problems := s.version.prepare(t.Context(), want)
		got, ok := s.version.stored(t.Context(), u.Object)
		switch {
		case !ok && len(problems) == 0 && !hasNull(u.Object):
			t.Fatalf("%v is in order, and not taken at once", u.Object)
		case ok && len(problems) > 0:
			t.Fatalf("%v is taken, and a server says %v", u.Object, problems)
		case ok && !reflect.DeepEqual(got, want.Object):
			t.Fatalf("stored is %v, a server stores %v", got, want.Object)
		}
		if !reflect.DeepEqual(given.Object, u.Object) {
			t.Fatalf("%v was changed to %v", given.Object, u.Object)
		}
		emptyAll(u.Object)
		if ok && !reflect.DeepEqual(got, want.Object) {
			t.Fatalf("what is stored shares something with what was given, and is %v", got)
		}
		taken[ok]++
	})
	if taken[true] == 0 || taken[false] == 0 {
		t.Errorf("all objects go one way: %v", taken)
	}
}

func hasNull(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		for _, entry := range value {
			if hasNull(entry) {
				return true
			}
		}
	case []any:
		for _, item := range value {
			if hasNull(item) {
				return true
			}
		}
	}
	return false
}

// emptyAll takes everything out of a value, so that what shares with it is seen.
func emptyAll(value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, entry := range value {
			emptyAll(entry)
			delete(value, name)
		}
	case []any:
		for i := range value {
			emptyAll(value[i])
			value[i] = nil
		}
	}
}

// everySchema is a kind with every keyword that shapes compare, and some that they leave to the server.
const everySchema = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: forms.example.com},
  spec: {group: example.com, scope: Namespaced, names: {kind: Form, plural: forms}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {
    type: object, required: [spec], properties: {spec: {type: object, minProperties: 1, maxProperties: 6, properties: {
      text: {type: string, minLength: 1, maxLength: 4, pattern: "^[a-zé]*$"},
      day: {type: string, format: date},
      odd: {type: string, format: unheard-of},
      word: {type: string, enum: [a, b]},
      some: {type: integer, enum: [1, 2]},
      port: {type: integer, format: int32, minimum: 1, maximum: 65535},
      byte: {type: integer, format: int32},
      count: {type: integer, minimum: 0, exclusiveMinimum: true, multipleOf: 2},
      share: {type: number, minimum: 0.5, maximum: 1},
      any: {type: number},
      flag: {type: boolean, default: true},
      maybe: {type: string, nullable: true},
      either: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}], pattern: "^[0-9]+%?$"},
      both: {x-kubernetes-int-or-string: true},
      set: {type: array, x-kubernetes-list-type: set, minItems: 1, maxItems: 3, items: {type: string}},
      unique: {type: array, items: {type: integer}, maxItems: 3},
      byName: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, required: [name], properties: {name: {type: string}, value: {type: string, default: x}}}},
      byTwo: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name, value], items: {type: object, required: [name, value], properties: {name: {type: string}, value: {type: string}}}},
      map: {type: object, additionalProperties: {type: object, properties: {a: {type: integer, default: 3}}}},
      open: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {known: {type: object, properties: {a: {type: string}}}}},
      whole: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true},
      one: {type: object, properties: {a: {type: integer, default: 1}, b: {type: integer}}, oneOf: [{required: [b]}, {properties: {a: {enum: [2]}}}]},
      defaulted: {type: object, default: {a: {}}, properties: {a: {type: object, default: {}, properties: {b: {type: string, default: c}}}}}}}}}}}]}}`

// The same for a kind with every keyword there is, and values that fit some of them.
func TestEveryKeywordIsReadAsAServerReadsIt(t *testing.T) {
	r, err := New(manifests(t, []byte(everySchema))...)
	if err != nil {
		t.Fatal(err)
	}
	form := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.com/v1", "kind": "Form", "metadata": map[string]any{"name": "a", "namespace": "b"}}}
	v, err := r.definition(form.GroupVersionKind().GroupKind()).version("v1")
	if err != nil {
		t.Fatal(err)
	}
	object := func(pairs ...any) map[string]any {
		o := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			o[pairs[i].(string)] = pairs[i+1]
		}
		return o
	}
	values := []any{
		"", "a", "b", "é", "ééééé", "abcd", "12", "12%", "2026-01-31", "c", int64(0), int64(1), int64(2), int64(-1), int64(70000), int64(1 << 40), 0.5, 1.0, 2.5, true, false, nil,
		[]any{}, []any{"a"}, []any{"a", "a"}, []any{"a", "b"}, []any{int64(1), int64(1)}, []any{"a", "b", "c", "d"},
		[]any{object("name", "a"), object("name", "b")}, []any{object("name", "a"), object("name", "a")}, []any{object("name", "a", "value", "x"), object("name", "a", "value", "y")},
		object(), object("a", object()), object("a", int64(2)), object("a", object("a", int64(1))), object("b", int64(1)), object("known", object("a", "x"), "more", []any{nil}), object("known", object("z", "x")),
		object("apiVersion", "v1", "kind", "A", "metadata", object("name", "x")), object("apiVersion", "v1"),
	}
	names := slices.Sorted(maps.Keys(v.parts.root.fields["spec"].fields))
	taken := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		spec := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "fields") {
			spec[rapid.SampledFrom(names).Draw(t, "field")] = runtime.DeepCopyJSONValue(rapid.SampledFrom(values).Draw(t, "value"))
		}
		u := form.DeepCopy()
		u.Object["spec"] = spec
		want := u.DeepCopy()
		problems := v.prepare(t.Context(), want)
		got, ok := v.stored(t.Context(), u.Object)
		switch {
		case ok && len(problems) > 0:
			t.Fatalf("%v is taken, and a server says %v", spec, problems)
		case ok && !reflect.DeepEqual(got, want.Object):
			t.Fatalf("stored is %v, a server stores %v", got, want.Object)
		}
		taken[ok]++
	})
	if taken[true] == 0 || taken[false] == 0 {
		t.Errorf("all objects go one way: %v", taken)
	}
}
