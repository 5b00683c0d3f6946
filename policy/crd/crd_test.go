package crd_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy/crd"
)

// widgets is a stranger's CRD with two served versions.
const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgetpolicies.example.com, LABELS annotations: {}}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: WidgetPolicy, plural: widgetpolicies}
  versions:
  - {name: v1alpha1, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}
  - name: v1beta1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              targetRef: {type: object}
              mergeType: {type: string, default: Merge}
              defaults:
                type: object
                properties:
                  size: {type: integer}
                  colour: {type: string}
                  timeout: {type: object, properties: {http: {type: object, properties: {request: {type: string}, idle: {type: string}}}}}
                  limits: {type: object, additionalProperties: {type: object, properties: {rate: {type: integer}}}}
                  extra: {type: object, x-kubernetes-preserve-unknown-fields: true}
`

func read(t testing.TB, known crd.Known, label string, annotations map[string]string) crd.Definition {
	t.Helper()
	labels := ""
	if label != "" {
		labels = `labels: {gateway.networking.k8s.io/policy: "` + label + `"},`
	}
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.Replace(widgets, "LABELS", labels, 1)), &u.Object); err != nil {
		t.Fatal(err)
	}
	u.SetAnnotations(annotations)
	d, err := known.Read(u)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func texts(faults []crd.Fault) []string {
	var list []string
	for _, f := range faults {
		list = append(list, f.String())
	}
	return list
}

func TestACRDIsReadInItsStorageVersion(t *testing.T) {
	d := read(t, crd.Known{}, "inherited", nil)
	if d.Version != "v1beta1" || d.Class != crd.Inherited || d.Plural != "widgetpolicies" || !d.Namespaced || d.DefaultStrategy != crd.Patch {
		t.Errorf("got %+v", d)
	}
	if d.Block.String() != "defaults" || !d.BlockSchema().Has(crd.Path{"size"}) {
		t.Errorf("the block is %q", d.Block)
	}
}

// What decides about a kind: annotation, profile, label, configuration.
func TestTheFirstThatSaysAPropertyCounts(t *testing.T) {
	gk := schema.GroupKind{Group: "example.com", Kind: "WidgetPolicy"}
	profile := crd.ParseProfile(map[string]json.RawMessage{
		"crd": json.RawMessage(`"widgetpolicies.example.com"`), "class": json.RawMessage(`"Inherited"`),
		"strategy": json.RawMessage(`{"default":"Patch"}`), "whole": json.RawMessage(`["limits.*"]`),
	})
	profiles := map[string]*crd.Profile{"widgetpolicies.example.com": profile}
	for name, c := range map[string]struct {
		known       crd.Known
		label       string
		annotations map[string]string
		class       crd.Class
		sources     map[crd.Property]crd.Source
		whole       string
	}{
		"nobody":        {sources: map[crd.Property]crd.Source{}},
		"configuration": {known: crd.Known{PolicyKinds: []schema.GroupKind{gk}}, class: crd.Inherited, sources: map[crd.Property]crd.Source{"class": "configuration"}},
		"label beats configuration": {known: crd.Known{PolicyKinds: []schema.GroupKind{gk}}, label: "Direct", class: crd.Direct,
			sources: map[crd.Property]crd.Source{"class": "label"}},
		"profile beats label": {known: crd.Known{Profiles: profiles}, label: "Direct", class: crd.Inherited, whole: "limits.*",
			sources: map[crd.Property]crd.Source{"class": "profile", "strategy": "profile", "whole": "profile"}},
		"annotation beats profile": {known: crd.Known{Profiles: profiles}, annotations: map[string]string{"attache.dev/whole": `["size+colour"]`}, class: crd.Inherited, whole: "size+colour",
			sources: map[crd.Property]crd.Source{"class": "profile", "strategy": "profile", "whole": "annotation"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := read(t, c.known, c.label, c.annotations)
			if d.Class != c.class || len(d.Faults) > 0 {
				t.Errorf("class %q, faults %v", d.Class, d.Faults)
			}
			if diff := cmp.Diff(c.sources, d.Sources); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var whole []string
			for _, w := range d.Whole {
				whole = append(whole, w.String())
			}
			if got := strings.Join(whole, " "); got != c.whole {
				t.Errorf("whole is %q, want %q", got, c.whole)
			}
		})
	}
}

func TestAFaultTakesOutItsNameAlone(t *testing.T) {
	d := read(t, crd.Known{}, "true", map[string]string{
		"attache.dev/bounds":     `{"size":"integer","sise":"integer","colour":{"type":"text","absent":"red"},"timeout.http.request":{"type":"duration","off":null},"extra.any":"number","extra.more":{"type":"integer","off":{"size":[1]}}}`,
		"attache.dev/at-most":    `{"size":"colour","timeout.http.idle":"timeout.http.request"}`,
		"attache.dev/whole":      `["limits.*","colour+nothing","extra.anything"]`,
		"attache.dev/inline":     `{"HTTPRoute":{"limits.a.rate":"x","size":{"path":"a.b","as":"string"},"colour":7}}`,
		"attache.dev/applies-to": `not JSON`,
		"attache.dev/summary":    `{"SIZE":"size","NONE":"none"}`,
		"attache.dev/strategy":   `{"field":"spec.mergeType","of":"challenger","values":{"Merge":"Patch","Odd":"Union"},"with":["Gateway","Pod"],"conflict":"last"}`,
	})
	want := []string{
		`metadata.annotations[attache.dev/applies-to]: invalid character 'o' in literal null (expecting 'u'): write it like {"HTTPRoute":["*"],"UDPRoute":["idle"]}`,
		`metadata.annotations[attache.dev/at-most]: size: size and colour have no type in common: give both the same one in attache.dev/bounds`,
		`metadata.annotations[attache.dev/at-most]: timeout.http.idle: timeout.http.idle and timeout.http.request have no type in common: give both the same one in attache.dev/bounds`,
		`metadata.annotations[attache.dev/bounds]: extra.any: type "number" is not known: write duration, integer, quantity or text`,
		`metadata.annotations[attache.dev/bounds]: extra.more: off: [1] is not one value: write a text, a number, true or false`,
		`metadata.annotations[attache.dev/bounds]: sise: the schema has no such field: did you mean size?`,
		`metadata.annotations[attache.dev/inline]: HTTPRoute.colour: 7 is neither a path like "retry.attempts" nor {"path":"retry.codes","as":"string"}`,
		`metadata.annotations[attache.dev/inline]: limits.a.rate: it is part of limits.*, which is taken whole`,
		`metadata.annotations[attache.dev/strategy]: conflict: "last" is not known: write oldest, field or merge`,
		`metadata.annotations[attache.dev/strategy]: values.Odd: "Union" is not a strategy: write Atomic or Patch`,
		`metadata.annotations[attache.dev/strategy]: with: "Pod" is not a level: write GatewayClass, Gateway, ListenerSet, Listener, PlatformNamespace, Namespace, Route, RouteRule`,
		`metadata.annotations[attache.dev/summary]: none: the schema has no such field`,
		`metadata.annotations[attache.dev/whole]: nothing: the schema has no such field`,
	}
	if diff := cmp.Diff(want, texts(d.Faults)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(d.Bounds) != 3 || d.Bounds[1].Field.String() != "size" || d.Bounds[2].Off != nil || len(d.Whole) != 2 || len(d.Inline["HTTPRoute"]) != 1 || len(d.Summary) != 1 || d.AppliesTo != nil {
		t.Errorf("what is right is kept: %+v", d.Declarations)
	}
}

func TestOff(t *testing.T) {
	d := read(t, crd.Known{}, "true", map[string]string{
		"attache.dev/bounds": `{"size":{"type":"quantity","off":{"colour":"none"}},"timeout.http.request":"duration","timeout.http.idle":{"type":"duration","off":"never"},"extra.any":{"type":"integer","off":{"size":0}}}`,
	})
	want := []crd.BoundedField{
		{Field: crd.Path{"extra", "any"}, Type: crd.IntegerBound, Off: &crd.Off{Switch: crd.Path{"size"}, Value: int64(0)}},
		{Field: crd.Path{"size"}, Type: crd.QuantityBound, Off: &crd.Off{Switch: crd.Path{"colour"}, Value: "none"}},
		{Field: crd.Path{"timeout", "http", "idle"}, Type: crd.DurationBound, Off: &crd.Off{Value: "never"}},
		{Field: crd.Path{"timeout", "http", "request"}, Type: crd.DurationBound, Off: &crd.Off{Value: "0s"}},
	}
	if diff := cmp.Diff(want, d.Bounds); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestACircleOfLimitsIsBroken(t *testing.T) {
	d := read(t, crd.Known{}, "true", map[string]string{
		"attache.dev/bounds":  `{"timeout.http.request":"duration","timeout.http.idle":"duration"}`,
		"attache.dev/at-most": `{"timeout.http.idle":"timeout.http.request","timeout.http.request":"timeout.http.idle"}`,
	})
	if len(d.AtMost) != 1 || len(d.Faults) != 1 || !strings.Contains(d.Faults[0].String(), "would limit itself") {
		t.Errorf("at most %v, faults %v", d.AtMost, d.Faults)
	}
}

// A list or a scalar with the name default is the vendor's own field.
func TestABlockIsAnObject(t *testing.T) {
	text := strings.Replace(widgets, "LABELS", "", 1)
	text = strings.Replace(text, "              targetRef: {type: object}\n", "              targetRef: {type: object}\n              default: {type: string}\n", 1)
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	if d, err := (crd.Known{}).Read(u); err != nil || d.Block.String() != "defaults" {
		t.Errorf("block %q, %v", d.Block, err)
	}
}

func TestAPathIsReadBackAsItIsWritten(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		path := crd.Path(rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune(`ab.[]"*é\`)), 0, 4, -1), 1, 4).Draw(r, "path"))
		if back, err := crd.ParsePath(path.String()); err != nil || !cmp.Equal(path, back) {
			r.Fatalf("%q is written %s and read back as %q, %v", []string(path), path, []string(back), err)
		}
	})
	for _, text := range []string{"", "a.", ".a", "a..b", `a["b"`, `a["b"]c`, "a[b]"} {
		if path, err := crd.ParsePath(text); err == nil {
			t.Errorf("%q is read as %q", text, []string(path))
		}
	}
}

func TestAStarStandsForAnyKey(t *testing.T) {
	path := crd.Path{"limits", "*"}
	if !path.Matches([]string{"limits", "a"}) || path.Matches([]string{"limits"}) || path.Matches([]string{"limits", "a", "b"}) ||
		!path.Covers([]string{"limits", "a", "b"}) || path.Covers([]string{"rules", "a"}) {
		t.Error("limits.* means every key of limits, and covers what is below")
	}
}
