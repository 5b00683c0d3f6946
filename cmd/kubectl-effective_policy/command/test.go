package command

import (
	"cmp"
	"errors"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/ci"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/source"
)

func (o *options) testCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test FILE|FOLDER…",
		Short: "Test guardrails by suites of cases, and by their own examples",
		Long: `Run the cases in files of kind GuardrailSuite, and the examples that
PolicyGuardrails carry. Other manifests in a folder are ignored.

A case is an input document for the rules, or an edit of manifests that is reviewed
as an API server would. It states whether that is allowed and, optionally, a part of
the expected message.

Rules that objected in no case are listed: they may not do what they are meant to.
The exit code is 1 if a case failed, and 0 if none did.`,
		Example: `  kubectl effective-policy test guardrails/
  kubectl effective-policy test guardrails/ -R -o junit > report.xml`,
		RunE: o.test,
	}
	o.AddNow(cmd)
	o.AddOutput(cmd, workspace.FormatTable, workspace.FormatJSON, formatJUnit)
	return cmd
}

func (o *options) test(cmd *cobra.Command, args []string) error {
	ctx := cmd.Context()
	paths := slices.Concat(args, o.Files)
	if len(paths) == 0 {
		return errors.New("say which files to test: suites, guardrails, or folders of them")
	}
	documents, err := source.New(paths, source.Options{Recursive: o.Recursive, Stdin: o.Streams.In}).Decode(ctx)
	if err != nil {
		return err
	}
	settings, err := o.Settings()
	if err != nil {
		return err
	}
	t, err := newTests(settings)
	if err != nil {
		return err
	}
	if t.now, err = o.Now(); err != nil {
		return err
	}
	var suites []*suite
	var errs []error
	for _, d := range documents {
		switch {
		case preview.IsGuardrail(d.Object):
			t.guardrail(ctx, d, nil)
		case isSuite(d.Object):
			s, err := readSuite(d)
			suites, errs = append(suites, s), append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, s := range suites {
		if err := t.suite(ctx, s); err != nil {
			return err
		}
	}
	if len(t.guardrails) == 0 {
		return errors.New("there is nothing to test: no document is a GuardrailSuite or a PolicyGuardrail")
	}
	report := t.finish()
	switch o.Output {
	case workspace.FormatJSON:
		err = workspace.Encode(o.Streams.Out, o.Output, report)
	case formatJUnit:
		err = ci.WriteJUnit(o.Streams.Out, junitOfTests(report))
	default:
		err = o.printTests(report)
	}
	if err == nil && report.Totals.Failed > 0 {
		err = errFinding
	}
	return err
}

// junitOfTests has a suite for each suite, and one for the examples of each
// guardrail.
func junitOfTests(r *testReport) *ci.JUnitSuites {
	suites := &ci.JUnitSuites{Name: "test"}
	for _, c := range r.Cases {
		one := ci.JUnitCase{Name: c.Name, Class: c.Suite, File: c.File, Line: c.Line}
		if !c.Passed {
			one.Failure = &ci.JUnitFailure{Message: c.Message, Type: "case", Text: c.place() + ": " + c.Message}
		}
		suites.Add(c.Suite, one)
	}
	return suites
}

// printTests prints the suites with their failed cases, and the rules that never objected.
func (o *options) printTests(r *testReport) error {
	p := o.Pen()
	t := &terminal.Table{}
	for _, cases := range terminal.Runs(r.Cases, func(c testedCase) string { return c.File + " " + c.Suite }) {
		failed := slices.DeleteFunc(slices.Clone(cases), func(c testedCase) bool { return c.Passed })
		verdict := terminal.Cell{Text: "ok", Style: terminal.Green}
		if len(failed) > 0 {
			verdict = terminal.Cell{Text: "FAIL", Style: terminal.Red}
		}
		t.Add(verdict, terminal.Cell{Text: cmp.Or(cases[0].guardrail, cases[0].Suite)}, terminal.Cell{Text: prose.Count(len(cases), "case")}, terminal.Cell{Text: cases[0].File, Style: terminal.Faint})
		for _, c := range failed {
			t.Add(terminal.Cell{Text: "      " + c.place() + ": " + c.Name + ": " + c.Message})
		}
	}
	p.Print(t)
	quiet := &terminal.Table{Indent: "      "}
	for _, rule := range r.Rules {
		if rule.Objected == 0 {
			quiet.Add(terminal.Cell{Text: rule.File + ":" + strconv.Itoa(rule.Line)}, terminal.Cell{Text: rule.Guardrail + ", " + rule.Rule})
		}
	}
	p.Line("")
	if len(quiet.Lines) > 0 {
		p.Line("%s", p.Paint(terminal.Yellow, "no case made these rules object:"))
		p.Print(quiet)
		p.Line("")
	}
	p.Line("%s", p.Paint(terminal.Bold, r.Totals.text()))
	return p.Failed()
}

// text is the totals in words.
func (t testTotals) text() string {
	text := prose.Count(t.Cases, "case") + ": all passed"
	if t.Failed > 0 {
		text = prose.Count(t.Cases, "case") + ": " + strconv.Itoa(t.Failed) + " failed"
	}
	return text + "; " + strconv.Itoa(t.Covered) + " of " + prose.Count(t.Rules, "rule") + " objected to something"
}
