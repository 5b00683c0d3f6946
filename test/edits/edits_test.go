package edits_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
	"github.com/attache-dev/attache/policy/schema"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/test/edits"
)

var update = flag.Bool("update", false, "write the verdicts anew")

func corpus(t *testing.T) []edits.Case {
	t.Helper()
	cases, err := edits.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 15 {
		t.Fatalf("only %d edits were found", len(cases))
	}
	return cases
}

func TestReview(t *testing.T) {
	for _, c := range corpus(t) {
		t.Run(c.Name, func(t *testing.T) {
			if strings.TrimSpace(c.About) == "" {
				t.Error("the file does not say what it shows")
			}
			got := reviewed(t, c)
			if *update {
				if err := c.Write(got); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(c.Verdict.String(), got.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestTheCommandSaysTheSame asks "check", which knows no names that anybody may
// not read, and "diff".
func TestTheCommandSaysTheSame(t *testing.T) {
	for _, c := range corpus(t) {
		if c.User.Reads != nil {
			t.Logf("%s: its author may not read everything", c.Name)
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			args := []string{"-f", write(t, c.Edit), "--base", write(t, c.World...), "--platform-namespaces", edits.Platform, "-o", "json"}
			if c.Delete {
				args = append(args, "--delete")
			}
			who := []string{"--as", c.User.Username}
			for _, g := range c.User.Groups {
				who = append(who, "--as-group", g)
			}
			var checked struct {
				Denied   bool
				Denial   string
				Warnings []string
				Changes  map[string]int
			}
			code := run(t, &checked, slices.Concat([]string{"check"}, args, who)...)
			got := edits.Verdict{Denied: checked.Denied, Message: checked.Denial, Warnings: checked.Warnings}
			if diff := cmp.Diff(c.Verdict.String(), got.String()); diff != "" {
				t.Errorf("check (-want +got):\n%s", diff)
			}
			if want := map[bool]int{true: 1, false: 0}[c.Verdict.Denied]; code != want {
				t.Errorf("check: exit code %d, want %d", code, want)
			}
			var diff struct {
				Changes []any
				Totals  map[string]int
			}
			code = run(t, &diff, slices.Concat([]string{"diff"}, args)...)
			if diff := cmp.Diff(checked.Changes, diff.Totals); diff != "" {
				t.Errorf("check and diff count differently:\n%s", diff)
			}
			if want := min(len(diff.Changes), 1); code != want {
				t.Errorf("diff: exit code %d and %d changes", code, len(diff.Changes))
			}
		})
	}
}

// run runs the command in this process and decodes its answer.
func run(t *testing.T, into any, args ...string) int {
	t.Helper()
	var out, errOut bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut}
	code := command.Main(t.Context(), append([]string{"kubectl-effective_policy"}, args...), streams, "")
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		t.Fatalf("%v: exit code %d, %v: %s%s", args, code, err, out.String(), errOut.String())
	}
	return code
}

// write puts objects into a file.
func write(t *testing.T, objects ...*unstructured.Unstructured) string {
	t.Helper()
	items := make([]any, len(objects))
	for i, u := range objects {
		items[i] = u.Object
	}
	data, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "objects.json")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// stored are objects as an API server would store them.
func stored(t *testing.T, objects ...*unstructured.Unstructured) *source.Input {
	t.Helper()
	file, err := os.Open(write(t, objects...))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	in, err := source.New([]string{"-"}, source.Options{Stdin: io.Reader(file)}).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// reviewed is what package guardrail says to an edit.
func reviewed(t *testing.T, c edits.Case) edits.Verdict {
	t.Helper()
	long := metav1.Date(2026, 1, 1, 0, 0, 0, 0, metav1.Now().Location())
	world := stored(t, c.World...)
	var rails []*guardrail.Guardrail
	old := map[string]*unstructured.Unstructured{}
	for _, d := range world.Documents {
		d.Object.SetCreationTimestamp(long)
		old[guardrail.RefOf(d.Object).String()] = d.Object
		if d.Object.GetKind() == "PolicyGuardrail" {
			g, problems := guardrail.Parse(d.Object, guardrail.Compilers{CEL: celrule.Compile, Rego: regorule.Compile})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			rails = append(rails, g)
		}
	}
	s, problems := policy.NewSnapshot(policy.Options{
		PlatformNamespaces: []string{edits.Platform},
		Compile:            func(crd *unstructured.Unstructured) (policy.Validator, error) { return schema.Compile(crd) },
	}).With(world.Objects()...)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	e := guardrail.Edit{Old: old[guardrail.RefOf(c.Edit).String()], User: user(c.User)}
	switch {
	case c.Delete && e.Old == nil:
		t.Fatalf("there is no %s to delete", guardrail.RefOf(c.Edit))
	case c.Delete:
		e.Operation = "DELETE"
	default:
		e.New, e.Operation = stored(t, c.Edit).Documents[0].Object, "CREATE"
		if e.Old != nil {
			e.New.SetCreationTimestamp(long)
			e.Operation = "UPDATE"
		}
	}
	if c.User.Reads != nil {
		e.MayRead = func(namespace string) bool {
			return namespace == c.Edit.GetNamespace() || slices.Contains(c.User.Reads, namespace)
		}
	}
	v, err := guardrail.Review(t.Context(), s, e, rails)
	if err != nil {
		t.Fatal(err)
	}
	verdict := edits.Verdict{Denied: v.Denied(), Warnings: v.Warnings()}
	if verdict.Denied {
		verdict.Message = v.Denial(guardrail.RefOf(c.Edit).String())
	}
	return verdict
}

func user(u edits.User) map[string]any {
	groups := make([]any, len(u.Groups))
	for i, g := range u.Groups {
		groups[i] = g
	}
	return map[string]any{"username": u.Username, "groups": groups}
}
