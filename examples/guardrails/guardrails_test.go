package guardrails

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
	"github.com/attache-dev/attache/policy/source"
)

func read(t *testing.T, path string) *unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err = yaml.YAMLToJSON(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return u
}

func TestEveryGuardrailCompilesAndItsExamplesHold(t *testing.T) {
	registry, err := source.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no guardrails: %v", err)
	}
	for _, path := range paths {
		t.Run(path, func(t *testing.T) {
			u, problems, _ := registry.Prepare(t.Context(), read(t, path))
			for _, p := range problems {
				t.Error(p)
			}
			g, found := guardrail.Parse(u, guardrail.Compilers{CEL: celrule.Compile, Rego: regorule.Compile})
			for _, p := range append(found, guardrail.RunExamples(t.Context(), g, u)...) {
				t.Error(p)
			}
			if examples, _, _ := unstructured.NestedSlice(u.Object, "spec", "examples"); len(examples) < 3 {
				t.Errorf("only %d examples", len(examples))
			}
		})
	}
}

// The two ways of writing one guardrail must give the same answers, so they have
// the same matches and examples.
func TestBothLanguagesHaveTheSameMatchAndExamples(t *testing.T) {
	paths, err := filepath.Glob("*.cel.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		cel, rego := read(t, path), read(t, strings.Replace(path, ".cel.", ".rego.", 1))
		for _, name := range []string{"match", "examples", "enforcement"} {
			a, _, _ := unstructured.NestedFieldNoCopy(cel.Object, "spec", name)
			b, _, _ := unstructured.NestedFieldNoCopy(rego.Object, "spec", name)
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%s: %s differs from that of the Rego file", path, name)
			}
		}
		if cel.GetName() != rego.GetName() {
			t.Errorf("%s: the Rego file has another name", path)
		}
	}
}

// The manifest and the module in docs/guardrails.md must work as they are written there.
func TestTheDocumentationCompiles(t *testing.T) {
	data, err := os.ReadFile("../../docs/guardrails.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) string {
		_, rest, _ := strings.Cut(string(data), "```"+language+"\n")
		text, _, _ := strings.Cut(rest, "```")
		return text
	}
	u := object(t, block("yaml"))
	g, problems := guardrail.Parse(u, guardrail.Compilers{CEL: celrule.Compile})
	for _, p := range append(problems, guardrail.RunExamples(t.Context(), g, u)...) {
		t.Error(p)
	}
	rules, problems := regorule.Compile(block("rego"))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	findings, err := rules[0].Check(t.Context(), guardrail.Input{
		"route": map[string]any{"name": "web"}, "effective": map[string]any{"TimeoutPolicy": map[string]any{"request": "2m"}},
	})
	if err != nil || len(findings) != 2 {
		t.Errorf("%v, %v", findings, err)
	}
}
