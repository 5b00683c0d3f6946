package command

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/ci"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/test/vendors"
)

// publishedSchema is the schema of SARIF 2.1.0 as its committee published it, from
// a module that has it as a constant.
func publishedSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	source, err := fs.ReadFile(vendors.Files(t, vendors.SARIF), "pkg/report/v210/sarif/schema.go")
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "schema.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, _ = strconv.Unquote(literal.Value)
		}
		return true
	})
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("the schema: %v", err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(ci.SARIFSchema, document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(ci.SARIFSchema)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// checkSARIF runs check and holds its output to the published schema.
func checkSARIF(t *testing.T, schema *jsonschema.Schema, code int, args ...string) ci.SARIFRun {
	t.Helper()
	r := run(t, "", append([]string{"check", "-o", "sarif"}, args...)...)
	if r.code != code {
		t.Fatalf("%v: exit code %d, want %d: %s", args, r.code, code, r.errOut)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(r.out))
	if err == nil {
		err = schema.Validate(document)
	}
	if err != nil {
		t.Errorf("%v: %v\n%s", args, err, r.out)
	}
	var log ci.SARIFLog
	if err := json.Unmarshal([]byte(r.out), &log); err != nil || len(log.Runs) != 1 {
		t.Fatalf("%v: %d runs, %v", args, len(log.Runs), err)
	}
	return log.Runs[0]
}

func TestSARIFIsWhatItsSchemaSays(t *testing.T) {
	schema := publishedSchema(t)
	file := write(t, edgeTimeouts+"---\n"+fifteen+"---\n"+onlyPlatform)
	args := []string{"-f", file, "--base", shop}
	got := checkSARIF(t, schema, exitFinding, args...)
	driver := got.Tool.Driver
	if driver.Name == "" || driver.Version != "v1.2.3" || !got.Invocations[0].ExecutionSuccessful {
		t.Errorf("the run is %+v", got)
	}
	var ids []string
	for _, rule := range driver.Rules {
		ids = append(ids, rule.ID)
		if rule.Help.Text == "" || rule.Help.Markdown == "" || !strings.HasPrefix(rule.HelpURI, ci.Homepage+"/blob/main/docs/") {
			t.Errorf("rule %s has no help: %+v", rule.ID, rule)
		}
		page := strings.TrimPrefix(rule.HelpURI, ci.Homepage+"/blob/main/")
		if _, err := os.Stat(filepath.Join("../../..", page)); err != nil {
			t.Errorf("rule %s: %v", rule.ID, err)
		}
	}
	if want := []string{"guardrail/fifteen", "guardrail/only-platform"}; !slices.Equal(ids, want) {
		t.Errorf("rules are %q, want %q", ids, want)
	}
	if driver.Rules[0].Default.Level != "error" || driver.Rules[1].Default.Level != "note" || len(got.Results) != 4 {
		t.Errorf("levels %q and %q, %d results", driver.Rules[0].Default.Level, driver.Rules[1].Default.Level, len(got.Results))
	}
	var report preview.Report
	if err := json.Unmarshal([]byte(run(t, "", append([]string{"check", "-o", "json"}, args...)...).out), &report); err != nil {
		t.Fatal(err)
	}
	for i, result := range got.Results {
		level := map[string]string{preview.Denied: "error", preview.Warning: "warning", preview.Note: "note"}[report.Findings[i].Level]
		if ids[result.RuleIndex] != result.RuleID || result.RuleID != report.Findings[i].Rule || result.Level != level || result.Message.Text == "" {
			t.Errorf("a result is %+v, want level %s", result, level)
		}
	}
	if where := placeOf(t, got); where.ArtifactLocation.URI != ci.FileURI(file) || where.Region.StartLine != 6 {
		t.Errorf("the location is %+v", where)
	}
	inRoot := checkSARIF(t, schema, exitFinding, append(args, "--root", filepath.Dir(file))...)
	if where := placeOf(t, inRoot).ArtifactLocation; where != (ci.SARIFArtifact{URI: "change.yaml", Base: "%SRCROOT%"}) {
		t.Errorf("with a root the file is %+v", where)
	}
	elsewhere := checkSARIF(t, schema, exitFinding, append(args, "--root", t.TempDir())...)
	if where := placeOf(t, elsewhere).ArtifactLocation; where.URI != ci.FileURI(file) || where.Base != "" {
		t.Errorf("outside of the root the file is %+v", where)
	}
	if none := checkSARIF(t, schema, exitFine, "-f", write(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n")); len(none.Results)+len(none.Tool.Driver.Rules) != 0 {
		t.Errorf("of a Namespace it says %+v", none.Results)
	}
	failed := checkSARIF(t, schema, exitFailure, "-f", write(t, "kind: ["))
	if i := failed.Invocations[0]; i.ExecutionSuccessful || len(i.Notifications) != 1 || !strings.Contains(i.Notifications[0].Message.Text, "is not YAML") {
		t.Errorf("of bad input it says %+v", i)
	}
}

// placeOf is where the first result stands that has a place.
func placeOf(t *testing.T, run ci.SARIFRun) ci.SARIFPhysical {
	t.Helper()
	for _, result := range run.Results {
		if len(result.Locations) > 0 {
			return result.Locations[0].PhysicalLocation
		}
	}
	t.Fatalf("no result has a place: %+v", run.Results)
	return ci.SARIFPhysical{}
}

// TestFingerprintsStay checks that a finding is recognised after lines, files and values have
// changed, and that no two findings of a run have the same fingerprint.
func TestFingerprintsStay(t *testing.T) {
	prints := func(text string) []string {
		var r struct{ Runs []ci.SARIFRun }
		out := onShop(t, text+"---\n"+fifteen, "-o", "sarif").out
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		var prints []string
		for _, result := range r.Runs[0].Results {
			prints = append(prints, result.Fingerprints["attache/v1"])
		}
		slices.Sort(prints)
		if len(slices.Compact(slices.Clone(prints))) != len(prints) || len(prints) == 0 {
			t.Errorf("fingerprints are %q", prints)
		}
		return prints
	}
	before, after := prints(edgeTimeouts), prints("# moved\n\n\n"+strings.Replace(edgeTimeouts, "20s", "25s", 1))
	if !slices.Equal(before, after) {
		t.Errorf("fingerprints were %q and are %q", before, after)
	}
}

func TestEveryRuleHasItsHelp(t *testing.T) {
	said := map[string]string{}
	for _, id := range []string{preview.SchemaRule, preview.AdmissionRule, preview.BrokenRule, preview.BindingRule, preview.KindRule, preview.PassedOverRule, preview.GuardrailRule("x")} {
		about := ci.AboutRule(id)
		if other, twice := said[about.Text]; twice || about.Help == "" {
			t.Errorf("%s and %s say %q", id, other, about.Text)
		}
		said[about.Text] = id
	}
	if got := ci.FileURI("a folder/100%.yaml"); got != "a%20folder/100%25.yaml" {
		t.Errorf("the URI of a relative path is %q", got)
	}
}
