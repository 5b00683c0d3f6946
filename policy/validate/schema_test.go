package validate_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/validate"
	"github.com/attache-dev/attache/test/worldtest"
)

// How the tests write objects.
var object = worldtest.Object

// colours is a policy kind that nobody in this module knows: two versions served,
// one not, defaults at several depths, an embedded list map, and rules.
const colours = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: colours.example.com}
spec:
  group: example.com
  names: {kind: Colour, plural: colours}
  scope: Namespaced
  versions:
  - {name: v1alpha1, served: false, storage: false, schema: {openAPIV3Schema: {type: object}}}
  - {name: v1beta1, served: true, storage: false, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}}
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [targetRef, hue]
            x-kubernetes-validations:
            - {rule: "self.targetRef.name != self.hue", message: "a target is no hue"}
            - {rule: "!has(self.depth) || self.depth != 13", messageExpression: "'depth %d brings bad luck: write 12 or 14'.format([self.depth])", message: "x"}
            properties:
              targetRef: {type: object, required: [name], properties: {name: {type: string, maxLength: 20}}}
              hue: {type: string, maxLength: 20}
              depth: {type: integer, minimum: 1, maximum: 64}
              mood: {type: string, default: calm}
              layers:
                type: array
                maxItems: 4
                items: {type: object, properties: {opacity: {type: integer, default: 100}, name: {type: string}}}
          status: {type: object, default: {seen: false}, properties: {seen: {type: boolean}}}
`

func ours(t testing.TB, kind string) *unstructured.Unstructured {
	t.Helper()
	for _, f := range crds.Attache() {
		if u := object(t, string(f.Data)); strings.Contains(string(f.Data), "kind: "+kind+"\n") {
			return u
		}
	}
	t.Fatalf("no CRD of kind %s", kind)
	return nil
}

func registry(t testing.TB, texts ...string) *validate.Registry {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, text := range texts {
		all = append(all, object(t, text))
	}
	r, err := validate.New(all...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAnObjectIsDefaultedAndPrunedAndTheGivenOneStays(t *testing.T) {
	r := registry(t, colours)
	u := object(t, `{apiVersion: example.com/v1, kind: Colour, metadata: {name: a, namespace: ns, creationTimestamp: "2026-01-01T00:00:00Z"},
		spec: {targetRef: {name: x}, hue: red, mood: null, layers: [{}, {opacity: 3, name: null}]}, status: {unseen: 1}}`)
	before := u.DeepCopy()
	got, problems, known := r.Prepare(context.Background(), u)
	if !known || len(problems) > 0 {
		t.Fatalf("known %v, problems %v", known, problems)
	}
	want := "map[hue:red layers:[map[opacity:100] map[opacity:3]] mood:calm targetRef:map[name:x]]"
	if s := fmt.Sprint(got.Object["spec"]); s != want {
		t.Errorf("spec is %s, want %s", s, want)
	}
	if at := got.GetCreationTimestamp(); at.IsZero() {
		t.Error("the age of the object is lost")
	}
	if s := fmt.Sprint(got.Object["status"]); s != "map[unseen:1]" {
		t.Errorf("status is %s: it must be kept unseen", s)
	}
	if fmt.Sprint(u.Object) != fmt.Sprint(before.Object) {
		t.Error("the given object was changed")
	}
}

// A status that an API server gives to new objects says that no controller has seen them yet.
func TestAnObjectInAFileHasNoStatusByDefault(t *testing.T) {
	r := registry(t, colours)
	u := object(t, `{apiVersion: example.com/v1, kind: Colour, metadata: {name: a, namespace: ns}, spec: {targetRef: {name: x}, hue: red}}`)
	for name, prepare := range map[string]func(context.Context, *unstructured.Unstructured) (*unstructured.Unstructured, []validate.Problem, bool){
		"alone": r.Prepare, "shared": r.PrepareShared,
	} {
		got, problems, _ := prepare(context.Background(), u)
		if len(problems) > 0 {
			t.Fatalf("%s: %v", name, problems)
		}
		if status, has := got.Object["status"]; has {
			t.Errorf("%s: status is %v", name, status)
		}
	}
}

func TestProblemsAreWhatAServerSays(t *testing.T) {
	r := registry(t, colours)
	const head = "apiVersion: example.com/v1\nkind: Colour\nmetadata: {name: a, namespace: ns}\nspec: "
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"unknown field, misspelled", head + "{targetRef: {name: x}, heu: red, hue: red}", []string{"spec.heu: unknown field: did you mean hue?"}},
		{"unknown field in a list", head + "{targetRef: {name: x}, hue: red, layers: [{opcaity: 1}]}", []string{"spec.layers[0].opcaity: unknown field: did you mean opacity?"}},
		{"unknown field like no other", head + "{targetRef: {name: x}, hue: red, xyzzy: 1}", []string{"spec.xyzzy: unknown field: the schema has no such field here, remove it"}},
		{"unknown field of metadata", "{apiVersion: example.com/v1, kind: Colour, metadata: {name: a, namespace: ns, lables: {}}, spec: {targetRef: {name: x}, hue: red}}", []string{"metadata.lables: unknown field: did you mean labels?"}},
		{"a rule", head + "{targetRef: {name: x}, hue: red, depth: 13}", []string{"spec: Invalid value: depth 13 brings bad luck: write 12 or 14"}},
		{"required", head + "{targetRef: {name: x}}", []string{"Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation", "spec.hue: Required value"}},
		{"unserved version", "{apiVersion: example.com/v1alpha1, kind: Colour, metadata: {name: a}}", []string{`apiVersion: version "v1alpha1" of Colour is not served: write example.com/v1beta1 or example.com/v1`}},
		{"no metadata", "{apiVersion: example.com/v1, kind: Colour}", []string{"metadata: Required value: write metadata with at least a name"}},
		{"no name", head[:strings.Index(head, "name:")] + "namespace: ns}\nspec: {targetRef: {name: x}, hue: red}", []string{"metadata.name: Required value: write a name"}},
		{"generated name", head[:strings.Index(head, "name:")] + "generateName: a-, namespace: ns}\nspec: {targetRef: {name: x}, hue: red}", []string{"metadata.generateName: without a cluster no name is generated: write metadata.name"}},
		{"name that YAML takes for a truth value", "{apiVersion: example.com/v1, kind: Colour, metadata: {name: on, namespace: ns, labels: {a: 1}}}", []string{
			"metadata.labels[a]: Invalid value: 1: must be a text: put it in quotes", "metadata.name: Invalid value: true: must be a text: put it in quotes"}},
		{"bad name", "{apiVersion: example.com/v1, kind: Colour, metadata: {name: A_b, namespace: ns}, spec: {targetRef: {name: x}, hue: red}}", []string{`metadata.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain must consist of`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems, known := r.Prepare(context.Background(), object(t, c.text))
			if !known || len(problems) != len(c.want) {
				t.Fatalf("known %v, problems %v, want %q", known, problems, c.want)
			}
			for i, p := range problems {
				if !strings.HasPrefix(p.String(), c.want[i]) {
					t.Errorf("problem is %q, want %q", p, c.want[i])
				}
			}
		})
	}
}

func TestAKindWithoutACRDIsHandedBack(t *testing.T) {
	u := object(t, `{apiVersion: v1, kind: Service, metadata: {name: a}}`)
	if got, problems, known := registry(t, colours).Prepare(context.Background(), u); known || got != u || problems != nil {
		t.Errorf("got %v, %v, %v", got, problems, known)
	}
}

func TestAVersionThatPreservesUnknownFieldsKeepsThem(t *testing.T) {
	u := object(t, `{apiVersion: example.com/v1beta1, kind: Colour, metadata: {name: a, namespace: ns}, spec: {anything: {goes: 1}}}`)
	got, problems, _ := registry(t, colours).Prepare(context.Background(), u)
	if s := fmt.Sprint(got.Object["spec"]); len(problems) > 0 || s != "map[anything:map[goes:1]]" {
		t.Errorf("spec is %s, problems %v", s, problems)
	}
}

func TestACRDThatAServerWouldRefuseIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"old API":            {"apiextensions.k8s.io/v1\n", "apiextensions.k8s.io/v1beta1\n", "write apiVersion: apiextensions.k8s.io/v1"},
		"name":               {"name: colours.example.com", "name: colors.example.com", "write colours.example.com"},
		"no version served":  {"served: true", "served: false", "serves no version"},
		"no schema":          {", schema: {openAPIV3Schema: {type: object}}", "", "version v1alpha1 has no schema"},
		"not even an object": {"group: example.com", "group: [example.com]", "cannot unmarshal"},
	} {
		_, err := validate.New(object(t, strings.ReplaceAll(colours, c.old, c.new)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q", name, err, c.want)
		}
	}
}

func TestASchemaThatIsNotStructuralIsAProblemOfItsObjects(t *testing.T) {
	broken := strings.Replace(colours, "hue: {type: string, maxLength: 20}", "hue: {}", 1)
	u := object(t, `{apiVersion: example.com/v1, kind: Colour, metadata: {name: a, namespace: ns}}`)
	_, problems, known := registry(t, broken).Prepare(context.Background(), u)
	if !known || len(problems) != 1 || !strings.Contains(problems[0].Message, "colours.example.com") {
		t.Errorf("known %v, problems %v", known, problems)
	}
}

func TestAMergedValueMustBeValidToo(t *testing.T) {
	for _, c := range []struct {
		name, kind string
		merged     map[string]any
		want       []string
	}{
		{"valid", "TimeoutPolicy", map[string]any{"request": "30s", "backend": "2s"}, nil},
		{"contradiction of two valid ones", "TimeoutPolicy", map[string]any{"request": "5s", "backend": "10s"},
			[]string{"backend 10s is longer than request 5s: write backend: 5s or less, or request: 0s to switch the request timeout off"}},
		{"request switched off", "TimeoutPolicy", map[string]any{"request": "0s", "backend": "10s"}, nil},
		{"retries switched off below a backoff", "RetryPolicy", map[string]any{"maxRetries": 0, "backoffPolicy": "exponential", "backoffBase": "1s"}, nil},
		{"numbers of any Go type", "RetryPolicy", map[string]any{"maxRetries": int32(7), "retryOn": []string{"503"}}, nil},
		{"number out of range", "RetryPolicy", map[string]any{"maxRetries": 101}, []string{"maxRetries in body should be less than or equal to 100"}},
		{"two problems, sorted", "RetryPolicy", map[string]any{"retryOn": []any{"200"}, "backoffBase": "2s", "backoffMax": "1s"}, []string{
			"backoffBase 2s is longer than backoffMax 1s: write backoffMax: 2s or more",
			`retryOn[0]: "200" is not a reason to retry: write a status code from "400" to "599" or one of 5xx, gateway-error, connect-failure, reset, refused-stream, retriable-4xx, cancelled, deadline-exceeded, internal, resource-exhausted, unavailable`}},
		{"quantity as text and number", "RateLimitPolicy", map[string]any{"requestsPerSecond": "500m", "burst": int64(3)}, nil},
		{"whole spec, without the targeting", "Colour", map[string]any{"hue": "red"}, nil},
		{"whole spec, a rule", "Colour", map[string]any{"hue": "red", "depth": 13}, []string{"depth 13 brings bad luck: write 12 or 14"}},
		{"whole spec, required", "Colour", map[string]any{"depth": 3}, []string{"hue: Required value", "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			blocks := compile(t, c.kind)
			for range 2 { // the second answer is from memory
				if got := messages(blocks.Validate(c.merged)); !slices.Equal(got, c.want) {
					t.Errorf("messages are %q, want %q", got, c.want)
				}
			}
		})
	}
}

// Violations are told apart by rule and field, not by their messages: another value that violates
// the same rule is the same violation, and a rule says which fields it names.
func TestABrokenRuleIsKnownByItsText(t *testing.T) {
	const twins = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: twins.example.com},
	  spec: {group: example.com, scope: Namespaced, names: {kind: Twin, plural: twins}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {
	    type: object, properties: {spec: {type: object, properties: {default: {type: object, properties: {a: {type: integer}, b: {type: integer}, c: {type: object, properties: {d: {type: integer}}}},
	      x-kubernetes-validations: [
	        {rule: "!has(self.a) || self.a < 5", messageExpression: "'too large'"},
	        {rule: "!has(self.b) || self.b < 5", messageExpression: "'too large'"},
	        {rule: "!has(self.c) || self.c.d < 5", message: "d is too large", fieldPath: ".c.d"}]}}}}}}}]}}`
	blocks := compiled(t, object(t, twins))
	only := func(merged map[string]any) crd.Broken {
		t.Helper()
		broken := blocks.Validate(merged)
		if len(broken) != 1 {
			t.Fatalf("%v breaks %v", merged, broken)
		}
		return broken[0]
	}
	a, b := only(map[string]any{"a": 7}), only(map[string]any{"b": 7})
	if a.Message != b.Message || a.Is(b) || !a.Is(only(map[string]any{"a": 8, "b": 1})) {
		t.Errorf("%+v and %+v are two rules with one message", a, b)
	}
	if !a.Names([]string{"a"}) || a.Names([]string{"b"}) {
		t.Errorf("%q names a and not b", a.Rule)
	}
	d := only(map[string]any{"c": map[string]any{"d": 9}})
	if !slices.Equal(d.Field, []string{"c", "d"}) || !d.Names([]string{"c", "d"}) || d.Names([]string{"a"}) {
		t.Errorf("%+v is about c.d", d)
	}
	if wrong := blocks.Validate(map[string]any{"a": "x"})[0]; !wrong.Names([]string{"a"}) || wrong.Names([]string{"b"}) || wrong.Is(a) {
		t.Errorf("%+v is the schema's, and about a", wrong)
	}
}

func compile(t testing.TB, kind string) *validate.Blocks {
	t.Helper()
	if kind == "Colour" {
		return compiled(t, object(t, colours))
	}
	return compiled(t, ours(t, kind))
}

func compiled(t testing.TB, u *unstructured.Unstructured) *validate.Blocks {
	t.Helper()
	blocks, err := validate.Compile(definition(t, u))
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

func definition(t testing.TB, u *unstructured.Unstructured) crd.Definition {
	t.Helper()
	d, err := crd.Known{}.Read(u)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func messages(broken []crd.Broken) []string {
	var list []string
	for _, b := range broken {
		list = append(list, b.Message)
	}
	return list
}

func TestAChangedRuleIsNotTheSameCheck(t *testing.T) {
	a, b := compile(t, "TimeoutPolicy"), compile(t, "TimeoutPolicy")
	if !a.Same(b) {
		t.Error("two checks of one CRD differ")
	}
	changed := compiled(t, object(t, strings.Replace(colours, "13", "14", 1)))
	if compile(t, "Colour").Same(changed) || a.Same(nil) {
		t.Error("checks of different CRDs are the same")
	}
}

func TestChecksRunAtOnce(t *testing.T) {
	blocks, r := compile(t, "TimeoutPolicy"), registry(t, colours)
	u := object(t, `{apiVersion: example.com/v1, kind: Colour, metadata: {name: a, namespace: ns}, spec: {targetRef: {name: x}, hue: red, depth: 13}}`)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				got := blocks.Validate(map[string]any{"request": fmt.Sprintf("%ds", i+1), "backend": "100s"})
				if (len(got) > 0) != (i+1 < 100) {
					t.Errorf("worker %d: request %ds gives %q", worker, i+1, got)
				}
				if _, problems, _ := r.Prepare(context.Background(), u); len(problems) != 1 {
					t.Errorf("worker %d: problems %v", worker, problems)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCompile(b *testing.B) {
	d := definition(b, ours(b, "TimeoutPolicy"))
	for b.Loop() {
		if _, err := validate.Compile(d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	blocks := compile(b, "TimeoutPolicy")
	b.Run("new", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			blocks.Validate(map[string]any{"request": fmt.Sprintf("%dms", i%99999), "backend": "1s", "idle": fmt.Sprintf("%ds", i/99999)})
		}
	})
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			blocks.Validate(map[string]any{"request": "30s", "backend": "1s"})
		}
	})
}
