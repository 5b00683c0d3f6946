package source

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	yamlv3 "go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"
)

// scalars are values about which versions of YAML disagree, and some others.
var scalars = []string{
	"a", "'a'", `"yes"`, "yes", "No", "on", "OFF", "y", "n", "true", "False", "~", "null", "''",
	"0", "0777", "0o17", "0x1F", "0b101", "1_000", "-3", "+4", "1e3", ".5", "1.", "190:20:30", "12:30",
	"2001-12-14", "2001-12-14t21:59:43.10-05:00", "'2001-12-14'", "!!str 5", "!!str yes", `!!int "7"`, "1.2.3", "=", "<", "a b",
}

var keys = []string{"a", "b", "name", "'c.d'", "on", "No", "true", `"true"`, "1", "'1'", "0777", "511", "1.5", "2001-12-14", "y", "n", "~a"}

// text writes a random value as YAML in flow style, each entry on its own line.
type writer struct {
	t       *rapid.T
	anchors []string // of mappings, which may be merged
	values  []string // of anything
}

func (w *writer) value(depth int) string {
	switch kind := rapid.IntRange(0, 9).Draw(w.t, "kind"); {
	case kind < 2 && len(w.values) > 0:
		return "*" + rapid.SampledFrom(w.values).Draw(w.t, "alias")
	case depth > 2 || kind < 5:
		return rapid.SampledFrom(scalars).Draw(w.t, "scalar")
	case kind < 7:
		var items []string
		for range rapid.IntRange(0, 3).Draw(w.t, "items") {
			items = append(items, w.value(depth+1))
		}
		return "[" + strings.Join(items, ",\n ") + "]"
	}
	return w.mapping(depth)
}

func (w *writer) mapping(depth int) string {
	var entries []string
	for range rapid.IntRange(0, 4).Draw(w.t, "entries") {
		entries = append(entries, rapid.SampledFrom(keys).Draw(w.t, "key")+": "+w.value(depth+1))
	}
	if len(w.anchors) > 0 && rapid.Bool().Draw(w.t, "merges") {
		merged := "<<: *" + rapid.SampledFrom(w.anchors).Draw(w.t, "merged")
		if rapid.Bool().Draw(w.t, "as a list") {
			merged = "<<: [*" + rapid.SampledFrom(w.anchors).Draw(w.t, "one") + ", *" + rapid.SampledFrom(w.anchors).Draw(w.t, "other") + "]"
		}
		entries = slices.Insert(entries, rapid.IntRange(0, len(entries)).Draw(w.t, "where"), merged)
	}
	text := "{" + strings.Join(entries, ",\n ") + "}"
	if rapid.Bool().Draw(w.t, "anchor") {
		name := fmt.Sprintf("m%d", len(w.anchors))
		w.anchors, w.values = append(w.anchors, name), append(w.values, name)
		return "&" + name + " " + text
	}
	return text
}

// atLeaves visits everything that has nothing in it.
func atLeaves(path []string, value any, visit func(path []string, value any)) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			atLeaves(append(slices.Clone(path), key), v[key], visit)
		}
	case []any:
		for i := range v {
			atLeaves(append(slices.Clone(path), fmt.Sprint(i)), v[i], visit)
		}
	default:
		visit(path, value)
	}
}

// bothRead holds the parser of values and that of positions to one result: what stands at the place
// of every leaf means the leaf's value.
func bothRead(t interface {
	Fatalf(string, ...any)
}, text string) (read bool) {
	d := decoder{file: "-", limits: Limits{}.withDefaults()}
	d.decode([]byte(text))
	if len(d.documents) != 1 {
		return false
	}
	document := d.documents[0]
	root := rootOf(document)
	if root == nil {
		t.Fatalf("one parser reads\n%s\nand the other does not", text)
	}
	atLeaves(nil, document.Object.Object, func(path []string, value any) {
		at := root
		for i, step := range path {
			if at, _ = child(at, step); at == nil {
				t.Fatalf("%q has no place in\n%s", path[:i+1], text)
			}
		}
		copied := *at
		copied.Anchor = ""
		written, err := yamlv3.Marshal(&copied)
		if err != nil {
			t.Fatalf("%q: %v", path, err)
		}
		data, err := yaml.YAMLToJSON(written)
		var got any
		if err != nil || json.Unmarshal(data, &got) != nil || !alike(got, value) {
			t.Fatalf("at the place of %q stands %s, which is %v and not %v, in\n%s", path, written, got, value, text)
		}
	})
	return true
}

// alike compares two JSON values, whatever Go types their numbers have.
func alike(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func TestBothParsersReadOneValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &writer{t: t}
		text := "kind: K\napiVersion: v1\n"
		for i := range rapid.IntRange(1, 4).Draw(t, "fields") {
			text += fmt.Sprintf("f%d: %s\n", i, strings.ReplaceAll(w.value(0), "\n", "\n  "))
		}
		bothRead(t, text)
	})
}

func FuzzBothParsersReadOneValue(f *testing.F) {
	for _, seed := range append(slices.Clone(scalars), "&a [*a]", "{<<: {a: 1}, b: 2}", "{<<: [{a: 1}, {b: 0777}]}", "|\n  x\n  y", ">-\n  x\n  y", "{? a : 1}", "{on: 1, 'true': 2}") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.Contains(value, "!") {
			t.Skip("what is written again may have lost a tag that means nothing")
		}
		bothRead(t, "kind: K\napiVersion: v1\nf: "+value+"\n")
	})
}

// The values that are most easily misread, one by one.
func TestYAMLIsReadAsAnAPIServerReadsIt(t *testing.T) {
	for text, want := range map[string]any{
		"yes": true, "Off": false, "0777": 511.0, "0o17": 15.0, "1_000": 1000.0, "0x1F": 31.0, "2001-12-14": "2001-12-14",
		"12:30": "12:30", "~": nil, "'on'": "on", "!!str 5": "5",
		"{on: 1}": map[string]any{"true": 1.0}, "{0777: 1}": map[string]any{"511": 1.0},
		"{<<: {a: 1}, b: 2}": map[string]any{"a": 1.0, "b": 2.0},
	} {
		document := "kind: K\napiVersion: v1\nf: " + text + "\n"
		documents, problems := Decode([]byte(document), "-", Limits{})
		if len(problems) > 0 || !alike(documents[0].Object.Object["f"], want) {
			t.Errorf("%s: %v, %v, want %v", text, documents, problems, want)
		}
		if !bothRead(t, document) {
			t.Errorf("%s is not read", text)
		}
	}
}

func TestLinesOfMergedAndRenamedKeys(t *testing.T) {
	documents, problems := Decode([]byte("kind: K\napiVersion: v1\nbase: &base\n  a: 1\nf:\n  <<: *base\n  on:\n    b: 2\n  no: [x,\n    y]\n"), "-", Limits{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for field, want := range map[string]int{"f.a": 4, "f.true": 7, "f.true.b": 8, "f.false[1]": 10, "f.other": 5} {
		if got := documents[0].LineOf(field); got != want {
			t.Errorf("%s is on line %d, want %d", field, got, want)
		}
	}
}

func TestKeysThatAreOneInTheObjectAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{on: 1,\n  \"true\": 2}":    `-:4: document 1: the keys on and "true" of one mapping both mean "true": write one of them`,
		"{0777: 1, 511: 2}":          `-:3: document 1: is not YAML: key 511 already set in map: write it once`,
		"{'1': 1, 1: 2}":             `-:3: document 1: the keys "1" and 1 of one mapping both mean "1": write one of them`,
		"{<<: {on: 1},\n 'true': 2}": `-:4: document 1: the keys on and "true" of one mapping both mean "true": write one of them`,
		"{on: 1, off: 2}":            "",
		"{a: 1, <<: {a: 2}}":         `-:3: document 1: is not YAML: key "a" already set in map: write it once`,
	} {
		_, problems := Decode([]byte("kind: K\napiVersion: v1\nf: "+text+"\n"), "-", Limits{})
		got := ""
		if len(problems) > 0 {
			got = problems[0].String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
