package validate

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/policy/crd"
)

// everywhere has rules at every kind of node: the root, fields, items, values of a map, a list of maps,
// in allOf, with a path of their own, and some that fail instead of being false.
const everywhere = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: rooms.example.com},
  spec: {group: example.com, scope: Namespaced, names: {kind: Room, plural: rooms}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {
    type: object, properties: {spec: {type: object, properties: {default: {
      type: object,
      properties: {
        size: {type: integer, x-kubernetes-validations: [{rule: "self < 5", message: "too large"}, {rule: "self != 4"}]},
        door: {type: object, properties: {width: {type: integer}},
          x-kubernetes-validations: [{rule: "self.width > 0", fieldPath: ".width", message: "too narrow"}]},
        shelf: {type: object, additionalProperties: {type: integer, x-kubernetes-validations: [{rule: "self < 3", messageExpression: "'shelf of ' + string(self)"}]},
          x-kubernetes-validations: [{rule: "self.all(k, k != 'bad')", messageExpression: "'shelves: ' + self.map(k, k).join(', ')"}]},
        windows: {type: array, maxItems: 9, items: {type: object, properties: {glass: {type: string}},
          x-kubernetes-validations: [{rule: "self.glass != ''", message: "needs glass"}]}},
        either: {type: integer, allOf: [{x-kubernetes-validations: [{rule: "self > 1", message: "at least two"}]}]}},
      x-kubernetes-validations: [
        {rule: "!has(self.size) || !has(self.shelf) || self.shelf.size() < self.size", messageExpression: "'room for ' + string(self.size) + ', not ' + self.shelf.map(k, k).join(', ')"},
        {rule: "!has(self.door) || self.door.width < 9", message: "too large", fieldPath: ".door"}]}}}}}}}]}}`

func roomNode(t *testing.T) *node {
	t.Helper()
	d, err := crd.Known{}.Read(manifests(t, []byte(everywhere))[0])
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	n, err := blocks.schema()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func drawRoom(t *rapid.T) map[string]any {
	number := rapid.Int64Range(-1, 10)
	room := map[string]any{}
	may := func(name string, draw func() any) {
		if rapid.Bool().Draw(t, "has "+name) {
			room[name] = draw()
		}
	}
	may("size", func() any { return number.Draw(t, "size") })
	may("either", func() any { return number.Draw(t, "either") })
	may("door", func() any { return rapid.MapOfN(rapid.Just("width"), number.AsAny(), 0, 1).Draw(t, "door") })
	may("shelf", func() any {
		return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c.d", "bad"}), number.AsAny(), 0, 4).Draw(t, "shelf")
	})
	may("windows", func() any {
		windows := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "windows") {
			windows = append(windows, map[string]any{"glass": rapid.SampledFrom([]string{"", "clear"}).Draw(t, "glass")})
		}
		return windows
	})
	return room
}

// said are errors without what messages say of keys: those come in an order of chance.
func said(errs field.ErrorList, exact bool) []string {
	var list []string
	for _, err := range errs {
		text := fmt.Sprintf("%s %s", err.Type, err.Field)
		if exact {
			text += " " + err.Detail
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// Evaluating every rule by itself finds the same as the API server's validator of the whole
// schema, at the same fields and with the same messages.
func TestEveryRuleByItselfSaysWhatTheWholeSays(t *testing.T) {
	all, room := specimens(t), roomNode(t)
	rapid.Check(t, func(t *rapid.T) {
		n := room
		var value map[string]any
		if rapid.Bool().Draw(t, "a room") {
			value = drawRoom(t)
		} else {
			s := rapid.SampledFrom(all).Draw(t, "object")
			n, value = s.node, s.object.DeepCopy().Object
			for range rapid.IntRange(1, 3).Draw(t, "edits") {
				edit(t, value)
			}
			defaulting.Default(value, n.structural)
		}
		if errs, _ := n.check(t.Context(), value); slices.ContainsFunc(errs, blocks) || n.rules() == nil {
			t.Skip("no server asks rules here")
		}
		want, left := n.rules().Validate(t.Context(), nil, n.structural, value, nil, celconfig.RuntimeCELCostBudget)
		if left < 0 {
			t.Skip("too expensive")
		}
		var got field.ErrorList
		for _, r := range n.parts.root.eachRule(t.Context(), nil, nil, value) {
			got = append(got, r.err)
		}
		if got, want := said(got, n != room), said(want, n != room); !slices.Equal(got, want) {
			t.Fatalf("each says %q, the whole says %q", got, want)
		}
	})
}

func TestARuleIsKnownWhereverItStands(t *testing.T) {
	room := roomNode(t)
	for _, c := range []struct {
		value map[string]any
		want  crd.Broken
	}{
		{map[string]any{"size": int64(7)}, crd.Broken{Field: crd.Path{"size"}, At: crd.Path{"size"}, Rule: "self < 5", Message: "size: too large"}},
		{map[string]any{"size": int64(4)}, crd.Broken{Field: crd.Path{"size"}, At: crd.Path{"size"}, Rule: "self != 4", Message: "size: failed rule: self != 4"}},
		{map[string]any{"door": map[string]any{"width": int64(0)}}, crd.Broken{Field: crd.Path{"door", "width"}, At: crd.Path{"door"}, Rule: "self.width > 0", Message: "door.width: too narrow"}},
		{map[string]any{"door": map[string]any{}}, crd.Broken{Field: crd.Path{"door"}, At: crd.Path{"door"}, Rule: "self.width > 0", Message: "door: no such key: width evaluating rule: too narrow"}},
		{map[string]any{"shelf": map[string]any{"c.d": int64(3)}}, crd.Broken{Field: crd.Path{"shelf", "c.d"}, At: crd.Path{"shelf", "c.d"}, Rule: "self < 3", Message: "shelf[c.d]: shelf of 3"}},
		{map[string]any{"windows": []any{map[string]any{"glass": "x"}, map[string]any{"glass": ""}}}, crd.Broken{Field: crd.Path{"windows", "1"}, At: crd.Path{"windows", "1"}, Rule: "self.glass != ''", Message: "windows[1]: needs glass"}},
		{map[string]any{"either": int64(0)}, crd.Broken{Field: crd.Path{"either"}, At: crd.Path{"either"}, Rule: "FieldValueInvalid", Message: "either: at least two"}},
	} {
		got := room.broken(c.value)
		if c.value["door"] != nil && len(got) > 1 {
			got = slices.DeleteFunc(got, func(b crd.Broken) bool { return b.Rule != c.want.Rule })
		}
		if len(got) != 1 || !got[0].Is(c.want) || got[0].Message != c.want.Message {
			t.Errorf("%v breaks %+v, want %+v", c.value, got, c.want)
		}
	}
}

// The API server lists keys in another order each time. What is published must not change by itself.
func TestKeysInMessagesComeInOrder(t *testing.T) {
	room, shelf := roomNode(t), map[string]any{"bad": int64(1)}
	for i := range 20 {
		shelf[fmt.Sprintf("s%02d", i)] = int64(1)
	}
	const keys = "bad, s00, s01, s02, s03, s04, s05, s06, s07, s08, s09, s10, s11, s12, s13, s14, s15, s16, s17, s18, s19"
	value := map[string]any{"size": int64(3), "shelf": shelf}
	for range 50 {
		broken, errs := room.broken(value), room.validate(t.Context(), value)
		if len(broken) != 2 || broken[0].Message != "room for 3, not "+keys || broken[1].Message != "shelf: shelves: "+keys {
			t.Fatalf("broken are %+v", broken)
		}
		if len(errs) != 2 || errs[0].Detail != "room for 3, not "+keys || errs[1].Detail != "shelves: "+keys {
			t.Fatalf("errors are %v", errs)
		}
	}
}

// What libraries report only in words is read in two places. This fails when the words change.
func TestTheWordsOfLibrariesThatAreRead(t *testing.T) {
	n, err := compileNode(&apiextensions.JSONSchemaProps{Type: "object", Properties: map[string]apiextensions.JSONSchemaProps{
		"a": {Type: "string", Pattern: "^x$"}, "b": {Type: "string", Enum: []apiextensions.JSON{"x"}},
	}}, false)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"a": true, "b": false} {
		problems := problemsOf(n.validate(t.Context(), map[string]any{name: "y"}))
		if len(problems) != 1 || problems[0].Pattern != want || problems[0].Field != name {
			t.Errorf("%s: %+v, want a pattern: %v", name, problems, want)
		}
	}
	var none *field.Path
	for path, want := range map[*field.Path][]string{
		none: nil, field.NewPath("a", "b"): {"a", "b"}, field.NewPath("a").Index(0).Child("b"): {"a", "0", "b"},
		field.NewPath("labels").Key("a.b/c"): {"labels", "a.b/c"}, none.Index(2): {"2"},
	} {
		if got := fieldPath(field.Invalid(path, nil, "").Field); !slices.Equal(got, want) {
			t.Errorf("%s is read as %q, want %q", path, got, want)
		}
	}
}
