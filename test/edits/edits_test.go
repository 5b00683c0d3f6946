package edits_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
	"github.com/attache-dev/attache/policy/review"
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

// TestTheCommandSaysTheSame runs "check", which has no names that nobody may read, and "diff".
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

// reviewed is what package guardrail says to an edit.
func reviewed(t *testing.T, c edits.Case) edits.Verdict {
	t.Helper()
	stage, err := c.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v, err := review.Review(t.Context(), stage.World, stage.Edit, stage.Guardrails)
	if err != nil {
		t.Fatal(err)
	}
	return c.VerdictOf(v)
}
