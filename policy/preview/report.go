package preview

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"
)

// Report is the complete answer.
type Report struct {
	Denied bool `json:"denied"`
	// Denial is the message of the refusal, as an API server would return it.
	Denial   string    `json:"denial,omitempty"`
	Findings []Finding `json:"findings"`
	Totals   Totals    `json:"totals"`
	// Warnings are the warnings that an API server would return.
	Warnings []string `json:"warnings"`
	// Changes counts what the manifests change.
	Changes explain.Totals `json:"changes"`

	// Unbound counts the routes that end up bound to nothing, out of Routes: those that exist, or
	// that the change concerns.
	Unbound int `json:"-"`
	Routes  int `json:"-"`
	// Elsewhere means that manifests name objects that are not among them, and that a cluster may
	// have.
	Elsewhere bool `json:"-"`
	// DeniedObjects counts the objects that would be denied.
	DeniedObjects int `json:"-"`
	// Checked are all manifests, including those without findings, by position.
	Checked []Checked `json:"-"`
}

// Totals count objects and findings.
type Totals struct {
	Objects  int `json:"objects"`
	Denials  int `json:"denials"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
}

// Checked is one object that was checked, with its position.
type Checked struct {
	Name, File           string
	Document, Item, Line int
}

// Review reviews the whole change of an author, who is nil when not known, and places the findings
// in the manifests.
func (c *Change) Review(ctx context.Context, compilers guardrail.Compilers, author *review.Author) (*Report, error) {
	report, _, err := c.Judge(ctx, compilers, author)
	return report, err
}

// Judge is like Review, but also returns the verdict.
func (c *Change) Judge(ctx context.Context, compilers guardrail.Compilers, author *review.Author) (*Report, review.Verdict, error) {
	report := &Report{Findings: []Finding{}, Warnings: []string{}}
	report.Findings = append(append(report.Findings, c.Problems...), c.PassedOver...)
	guardrails, findings, err := c.guardrails(ctx, compilers)
	if err != nil {
		return nil, review.Verdict{}, err
	}
	report.Findings = append(report.Findings, findings...)
	if author == nil {
		known := part(guardrails, func(uses guardrail.Variables) bool { return uses&byWhom == 0 })
		report.Findings = append(report.Findings, unchecked(guardrails, known)...)
		guardrails = known
	}
	edit := c.edit()
	edit.Author = author
	whole, each := guardrails, []*guardrail.Guardrail(nil)
	if _, single := edit.Single(); !single {
		whole = part(guardrails, func(uses guardrail.Variables) bool { return uses&oneObject == 0 })
		each = part(guardrails, func(uses guardrail.Variables) bool { return uses&oneObject != 0 })
	}
	verdict, err := review.On(ctx, c.resolver(), edit, whole)
	if err != nil {
		return nil, verdict, err
	}
	oneByOne, err := c.oneByOne(ctx, author, each)
	if err != nil {
		return nil, verdict, err
	}
	places := &places{c, verdict}
	for _, r := range verdict.Refusals {
		report.Findings = append(report.Findings, places.refusal(r))
	}
	for _, v := range append(slices.Clone(verdict.Violations), oneByOne...) {
		report.Findings = append(report.Findings, places.violation(v))
	}
	for _, n := range verdict.Notices() {
		report.Findings = append(report.Findings, places.notice(n))
	}
	for _, covered := range verdict.Excepted() {
		report.Findings = append(report.Findings, places.excepted(covered))
	}
	report.Findings = places.instead(append(report.Findings, slices.Concat(places.limited(), places.unbound(), places.unread(), places.classes(), places.undecided())...))
	report.nameObjects(verdict.After)
	report.Unbound, report.Routes = len(explain.UnboundRoutes(verdict.Before, verdict.After, places.among)), places.routes()
	report.Elsewhere = places.elsewhere()
	if verdict.Denied() {
		report.Denial = verdict.Denial(c.name())
	}
	report.Warnings = append(report.Warnings, verdict.Warnings()...)
	report.Changes = explain.ChangesOf(verdict.Before, verdict.After, verdict.Changes(), labels.Everything()).Totals
	report.finish(c)
	return report, verdict, nil
}

// nameObjects names the objects of findings unambiguously.
func (r *Report) nameObjects(s *policy.Snapshot) {
	for i := range r.Findings {
		if f := &r.Findings[i]; !f.ref.IsZero() && f.Object != "" {
			f.Object = s.Text(f.ref)
		}
	}
}

// name returns the name of the change for people.
func (c *Change) name() string {
	if edited := c.edited(); len(edited) == 1 {
		return hierarchy.RefOf(c.Manifests[edited[0]].Object).String()
	}
	return "the change"
}

// unchecked reports the guardrails that have rules which are not evaluated.
func unchecked(all, known []*guardrail.Guardrail) []Finding {
	rules := map[string]int{}
	for _, g := range known {
		rules[g.Name] = len(g.Rules)
	}
	var findings []Finding
	for _, g := range all {
		if rules[g.Name] < len(g.Rules) {
			findings = append(findings, Finding{
				Level: Note, Rule: GuardrailRule(g.Name), Guardrail: g.Name, Object: "PolicyGuardrail " + g.Name,
				Message: "not checked, because it depends on who makes the change: say with --as and --as-group who does",
			})
		}
	}
	return findings
}

// oneByOne evaluates rules that read the object under edit for each object in turn, in the order in
// which these can be applied.
func (c *Change) oneByOne(ctx context.Context, author *review.Author, guardrails []*guardrail.Guardrail) ([]evaluate.Violation, error) {
	if len(guardrails) == 0 {
		return nil, nil
	}
	var violations []evaluate.Violation
	said := map[string]bool{}
	now := c.Before
	for _, i := range c.inOrder() {
		edit := review.Edit{Changes: []review.ObjectChange{c.changeOf(i)}, Author: author, Enforced: c.Enforced}
		verdict, err := review.Review(ctx, now, edit, guardrails)
		if err != nil {
			return nil, err
		}
		now = verdict.After
		for _, v := range verdict.Violations {
			if key := v.Guardrail + v.String(); !said[key] {
				said[key] = true
				violations = append(violations, v)
			}
		}
	}
	return violations, nil
}

// inOrder lists the documents in the order in which they can be applied: objects that others depend
// on come first, or last when objects are removed.
func (c *Change) inOrder() []int {
	rank := func(i int) int {
		u := c.Manifests[i].Object
		_, isPolicy := c.Before.Kind(u.GroupVersionKind().GroupKind())
		switch {
		case crd.Is(u):
			return 0
		case u.GetKind() == "Namespace":
			return 1
		case isPolicy:
			return 3
		}
		return 2
	}
	order := c.edited()
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(a), rank(b)) })
	if c.Remove {
		slices.Reverse(order)
	}
	return order
}

// finish sorts and counts.
func (r *Report) finish(c *Change) {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Document-b.Document, a.Item-b.Item, severity[a.Level]-severity[b.Level], a.Line-b.Line,
			strings.Compare(a.Rule, b.Rule), strings.Compare(a.Field, b.Field), strings.Compare(a.Message, b.Message))
	})
	for _, d := range append(slices.Clone(c.Manifests), c.Refused...) {
		r.Checked = append(r.Checked, Checked{hierarchy.RefOf(d.Object).String(), d.File, d.Document, d.Item, d.Line})
	}
	slices.SortStableFunc(r.Checked, func(a, b Checked) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Document-b.Document, a.Item-b.Item)
	})
	r.Totals.Objects = len(r.Checked)
	denied := map[Checked]bool{}
	for _, f := range r.Findings {
		switch f.Level {
		case Denied:
			r.Totals.Denials++
			denied[Checked{File: f.File, Document: f.Document, Item: f.Item}] = true
		case Warning:
			r.Totals.Warnings++
		default:
			r.Totals.Notes++
		}
	}
	r.DeniedObjects = len(denied)
	r.Denied = r.Totals.Denials > 0
}
