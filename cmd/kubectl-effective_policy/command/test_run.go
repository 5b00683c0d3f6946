package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/edit"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/validate"
)

// testReport has the results of all cases.
type testReport struct {
	Cases  []testedCase `json:"cases"`
	Rules  []testedRule `json:"rules"`
	Totals testTotals   `json:"totals"`
}

// testedCase is one case. Suite is the suite in its file, or the guardrail whose example it is.
type testedCase struct {
	Suite  string `json:"suite"`
	Name   string `json:"name"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Passed bool   `json:"passed"`
	// Message says why the case did not pass.
	Message string `json:"message,omitempty"`

	// guardrail is the guardrail whose example it is, if the suite consists of examples.
	guardrail string
}

// testedRule is one rule, with the number of cases that it objected to.
type testedRule struct {
	Guardrail string `json:"guardrail"`
	Rule      string `json:"rule"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Objected  int    `json:"objected"`
}

func (c testedCase) place() string { return c.File + ":" + strconv.Itoa(c.Line) }

// testTotals has the counts. A rule is covered when it objected in a case.
type testTotals struct {
	Cases   int `json:"cases"`
	Failed  int `json:"failed"`
	Rules   int `json:"rules"`
	Covered int `json:"covered"`
}

// testedGuardrail is a guardrail under test.
type testedGuardrail struct {
	object    *unstructured.Unstructured // as it would be stored
	guardrail *guardrail.Guardrail
	// objected counts the cases that each rule objected to, by its name in the
	// object: cel[0], or rego.
	objected map[string]int
	file     string
	line     func(field string) int
}

// tests runs suites.
type tests struct {
	settings   policy.Options
	now        time.Time
	registry   *validate.Registry
	guardrails map[string]*testedGuardrail // by place
	report     testReport
}

func newTests(settings policy.Options) (*tests, error) {
	registry, err := source.Builtin()
	return &tests{settings: settings, registry: registry, guardrails: map[string]*testedGuardrail{}, report: testReport{Cases: []testedCase{}, Rules: []testedRule{}}}, err
}

// guardrail compiles a guardrail and runs its examples, once for each file or suite in which it is
// written.
func (t *tests) guardrail(ctx context.Context, d source.Document, within *suite) *testedGuardrail {
	g := &testedGuardrail{objected: map[string]int{}, file: d.File, line: d.LineOf}
	place := d.Place()
	if within != nil && d.File == "-" {
		line := within.lineOfObject(d.Item)
		g.file, g.line = within.document.File, func(string) int { return line }
		place = within.document.Place() + ", " + place
	} else if absolute, err := filepath.Abs(d.File); err == nil {
		place = absolute + ", " + place
	}
	if known, ok := t.guardrails[place]; ok {
		return known
	}
	t.guardrails[place] = g
	prepared, problems, _ := t.registry.Prepare(ctx, d.Object)
	g.object = prepared
	tested, found := guardrail.Parse(prepared, edit.Compilers)
	g.guardrail = tested
	name := "PolicyGuardrail " + tested.Name
	var wrong, fields []string
	for _, p := range problems {
		wrong, fields = append(wrong, p.String()), append(fields, p.Field)
	}
	for _, p := range found {
		if !p.Warning {
			wrong, fields = append(wrong, p.String()), append(fields, p.Field)
		}
	}
	if len(wrong) > 0 {
		t.add(testedCase{Suite: name, guardrail: tested.Name, Name: "compiles", File: g.file, Line: g.line(fields[0]), Message: strings.Join(wrong, "; ")})
		return g
	}
	failed := map[int]string{}
	for _, f := range guardrail.FailedExamples(ctx, tested, prepared) {
		failed[f.Index] = f.Problem.Message
	}
	examples, _, _ := unstructured.NestedSlice(prepared.Object, "spec", "examples")
	for i, one := range examples {
		example, _ := one.(map[string]any)
		title, _ := example["name"].(string)
		message := failed[i]
		t.add(testedCase{
			Suite: name, guardrail: tested.Name, Name: title, File: g.file, Line: g.line(fmt.Sprintf("spec.examples[%d]", i)),
			Passed: message == "", Message: message,
		})
		input, _ := example["input"].(map[string]any)
		_, _ = g.ask(ctx, input) // an input that cannot be evaluated is a failure already
	}
	return g
}

func (t *tests) add(c testedCase) { t.report.Cases = append(t.report.Cases, c) }

// rules returns the names of the rules of a guardrail, in order.
func (g *testedGuardrail) rules() []string {
	if guardrail.Language(g.object) != "CEL" {
		return []string{"rego"}
	}
	list, _, _ := unstructured.NestedSlice(g.object.Object, "spec", "cel")
	names := make([]string, len(list))
	for i := range list {
		names[i] = "cel[" + strconv.Itoa(i) + "]"
	}
	return names
}

// rule returns the name of the rule that a code comes from.
func (g *testedGuardrail) rule(code string) string {
	if guardrail.Language(g.object) == "CEL" {
		return "cel[" + code + "]"
	}
	return "rego"
}

// ask runs all rules on an input document and counts which of them object.
func (g *testedGuardrail) ask(ctx context.Context, in guardrail.Input) (findings []guardrail.Finding, err error) {
	objecting := map[string]bool{}
	for _, rule := range g.guardrail.Rules {
		found, err := rule.Check(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("guardrail %s: %w", g.guardrail.Name, err)
		}
		for _, f := range found {
			objecting[g.rule(f.Code)] = true
		}
		findings = append(findings, found...)
	}
	for rule := range objecting {
		g.objected[rule]++
	}
	return findings, nil
}

// suite runs all cases of a suite. An error is about the suite itself.
func (t *tests) suite(ctx context.Context, s *suite) error {
	documents, err := s.read(ctx, s.Guardrails)
	if err != nil {
		return suiteError(s.document, "guardrails", "%w", err)
	}
	var guardrails []*testedGuardrail
	for _, d := range documents {
		if !preview.IsGuardrail(d.Object) {
			return suiteError(s.document, "guardrails", "%s: %s is no PolicyGuardrail", d.Place(), hierarchy.RefOf(d.Object))
		}
		g := t.guardrail(ctx, d, s)
		if slices.ContainsFunc(guardrails, func(o *testedGuardrail) bool { return o.guardrail.Name == g.guardrail.Name }) {
			return suiteError(s.document, "guardrails", "%s: there are two guardrails called %s: only one can be in a cluster", d.Place(), g.guardrail.Name)
		}
		guardrails = append(guardrails, g)
	}
	for i, c := range s.Cases {
		said, err := t.run(ctx, s, c, guardrails)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tested := testedCase{Suite: s.name(), Name: c.Name, File: s.document.File, Line: s.document.LineOf(fmt.Sprintf("cases[%d]", i))}
		if broken := new(source.Error); errors.As(err, &broken) {
			return suiteError(s.document, fmt.Sprintf("cases[%d]", i), "cases[%d] %q: %w", i, c.Name, err)
		}
		tested.Message = said.differs(c, err)
		tested.Passed = tested.Message == ""
		t.add(tested)
	}
	return nil
}

// answer is the answer of guardrails and admission to a case.
type answer struct {
	denials, others []string
}

// differs returns how an answer differs from the expected one; empty when it does not.
func (a answer) differs(c suiteCase, err error) string {
	everything := slices.Concat(a.denials, a.others)
	switch {
	case err != nil:
		return "cannot be decided: " + err.Error()
	case *c.Allowed && len(a.denials) > 0:
		return "should be allowed, and is denied: " + strings.Join(a.denials, "; ")
	case !*c.Allowed && len(a.denials) == 0:
		return "should be denied, and nothing objects to it"
	case !slices.ContainsFunc(everything, func(said string) bool { return strings.Contains(said, c.Message) }) && c.Message != "":
		if len(everything) == 0 {
			everything = []string{"nothing"}
		}
		return fmt.Sprintf("should say %q, and says: %s", c.Message, strings.Join(everything, "; "))
	}
	return ""
}

func (t *tests) run(ctx context.Context, s *suite, c suiteCase, guardrails []*testedGuardrail) (answer, error) {
	if c.Input != nil {
		return runInput(ctx, c.Input, guardrails)
	}
	changed, err := s.change(ctx, c, t.settings)
	if err != nil {
		return answer{}, err
	}
	for _, g := range guardrails {
		changed.Guardrails = append(changed.Guardrails, g.object)
	}
	changed.Now = t.now
	report, err := changed.Review(ctx, edit.Compilers, c.User)
	if err != nil {
		return answer{}, err
	}
	var said answer
	objecting := map[string]map[string]bool{}
	for _, f := range report.Findings {
		if f.Level == preview.Denied {
			said.denials = append(said.denials, f.Sentence())
		} else {
			said.others = append(said.others, f.Sentence())
		}
		if f.Guardrail != "" && f.Path != "" {
			if objecting[f.Guardrail] == nil {
				objecting[f.Guardrail] = map[string]bool{}
			}
			objecting[f.Guardrail][f.Code] = true
		}
	}
	said.others = append(said.others, report.Warnings...)
	for _, g := range guardrails {
		counted := map[string]bool{}
		for code := range objecting[g.guardrail.Name] {
			if rule := g.rule(code); !counted[rule] {
				counted[rule] = true
				g.objected[rule]++
			}
		}
	}
	return said, nil
}

// runInput evaluates all rules on an input document, like the examples of a guardrail: regardless
// of what it selects and enforces.
func runInput(ctx context.Context, in guardrail.Input, guardrails []*testedGuardrail) (answer, error) {
	for _, name := range slices.Sorted(maps.Keys(in)) {
		if guardrail.VariableNamed(name) == 0 {
			return answer{}, fmt.Errorf("the input document has no %s; it has %s", name, guardrail.VariableNames())
		}
	}
	var said answer
	for _, g := range guardrails {
		findings, err := g.ask(ctx, in)
		if err != nil {
			return answer{}, err
		}
		for _, f := range findings {
			if f.WarnOnly {
				said.others = append(said.others, f.Message)
			} else {
				said.denials = append(said.denials, f.Message)
			}
		}
	}
	return said, nil
}

// finish counts, and lists the rules of all guardrails.
func (t *tests) finish() *testReport {
	for _, place := range slices.Sorted(maps.Keys(t.guardrails)) {
		g := t.guardrails[place]
		for _, rule := range g.rules() {
			tested := testedRule{
				Guardrail: g.guardrail.Name, Rule: rule, File: g.file, Line: g.line("spec." + rule), Objected: g.objected[rule],
			}
			t.report.Rules = append(t.report.Rules, tested)
			if tested.Objected > 0 {
				t.report.Totals.Covered++
			}
		}
	}
	for _, c := range t.report.Cases {
		if !c.Passed {
			t.report.Totals.Failed++
		}
	}
	t.report.Totals.Cases, t.report.Totals.Rules = len(t.report.Cases), len(t.report.Rules)
	return &t.report
}
