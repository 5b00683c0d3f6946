package preview

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"
)

// Levels of findings: what is denied, what passes with a warning, and what
// passes in silence.
const (
	Denied  = "denied"
	Warning = "warning"
	Note    = "note"
)

var severity = map[string]int{Denied: 0, Warning: 1, Note: 2}

// The rules of findings. Those of guardrails are guardrail/NAME.
const (
	SchemaRule    = "schema"
	AdmissionRule = "admission"
	BrokenRule    = "guardrail"
	BindingRule   = "binding"
	KindRule      = "kind"
	// PassedOverRule is the rule of documents that are not read.
	PassedOverRule = "passed-over"
)

// GuardrailRule is the rule of a guardrail.
func GuardrailRule(name string) string { return BrokenRule + "/" + name }

// Finding is one statement about the manifests.
type Finding struct {
	Level string `json:"level"`
	Rule  string `json:"rule"`
	// Object and Field say what has to be changed, as far as that is known.
	Object  string `json:"object,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	// The position in the manifests: that of the field, if it is written there.
	File     string `json:"file,omitempty"`
	Document int    `json:"document,omitempty"`
	Item     int    `json:"item,omitempty"`
	Line     int    `json:"line,omitempty"`
	// The following fields are for violations of guardrails: the first path, the number of paths,
	// the value, and who set it.
	Guardrail string `json:"guardrail,omitempty"`
	Path      string `json:"path,omitempty"`
	Paths     int    `json:"paths,omitempty"`
	Routes    int    `json:"routes,omitempty"`
	FieldPath string `json:"fieldPath,omitempty"`
	Value     any    `json:"value,omitempty"`
	SetBy     string `json:"setBy,omitempty"`

	// Code is the code of the guardrail's rule.
	Code string `json:"-"`

	ref  hierarchy.Ref // of the object
	text string        // in place of object, field and message, for people
}

// Ref is the object that has to be changed, as far as it is known.
func (f *Finding) Ref() hierarchy.Ref { return f.ref }

// Sentence returns the finding as one line.
func (f *Finding) Sentence() string {
	text := f.text
	if text == "" {
		text = f.Message
		if f.Field != "" {
			text = f.Field + ": " + text
		}
		if f.Object != "" {
			text = f.Object + ": " + text
		}
	}
	return strings.Join(strings.Fields(text), " ")
}

// Place returns FILE:LINE, the form that other tools understand.
func (f *Finding) Place() string {
	if f.File == "" {
		return ""
	}
	return f.File + ":" + strconv.Itoa(f.Line)
}

// findingAt returns a finding without a message, at a field of a document.
func findingAt(d Manifest, field string) Finding {
	return Finding{
		Object: hierarchy.RefOf(d.Object).String(), Field: field, ref: hierarchy.RefOf(d.Object),
		File: d.File, Document: d.Document, Item: d.Item, Line: d.lineOf(field),
	}
}

// places finds the position in the manifests of the reason of a finding.
type places struct {
	*Change
	verdict review.Verdict
}

// document finds an object among the manifests.
func (p *places) document(ref hierarchy.Ref) (Manifest, bool) {
	i := slices.IndexFunc(p.Manifests, func(d Manifest) bool { return hierarchy.RefOf(d.Object) == ref.Object() })
	if i < 0 {
		return Manifest{}, false
	}
	return p.Manifests[i], true
}

// at places a finding at a field of an object, or at the first document when the object is not
// among the manifests.
func (p *places) at(ref hierarchy.Ref, field string) Finding {
	if d, ok := p.document(ref); ok {
		return findingAt(d, field)
	}
	f := Finding{Field: field}
	if len(p.Manifests) > 0 {
		f = findingAt(p.Manifests[0], "")
		f.Field = field
	}
	f.Object, f.ref = "", ref
	if !ref.IsZero() {
		f.Object = ref.String()
	}
	return f
}

func (p *places) refusal(r review.Refusal) Finding {
	f := p.at(r.Object, r.Field)
	f.Level, f.Rule, f.Message = Denied, AdmissionRule, explain.WithNearMiss(r.Message, p.nearMiss(r.Object, r.Field))
	return f
}

func (p *places) notice(n review.Notice) Finding {
	f := p.at(n.Object, n.Field)
	near := p.nearMiss(n.Object, n.Field)
	f.Level, f.Rule, f.Message = Warning, AdmissionRule, explain.WithNearMiss(n.Message, near)
	if n.Named() {
		f.text = explain.WithNearMiss(n.Message, near)
	}
	if n.Note {
		f.Level = Note
	}
	return f
}

// excepted adds notes about violations that an exception permits.
func (p *places) excepted(c evaluate.Covered) Finding {
	f := p.at(c.Target, "")
	f.Level, f.Rule, f.Guardrail, f.Paths, f.Routes = Note, GuardrailRule(c.Guardrail), c.Guardrail, c.Paths, c.Targets
	f.Message, f.text = c.String(), c.String()
	return f
}

// nearMiss returns what nearly fits when a policy is not accepted.
func (p *places) nearMiss(object hierarchy.Ref, field string) string {
	written, isPolicy := p.verdict.After.Policy(object)
	if !isPolicy {
		return ""
	}
	for _, a := range p.verdict.After.Acceptances(written) {
		if a.Target.Field == field {
			return explain.NearMiss(p.verdict.After, written, a)
		}
	}
	return ""
}

// unbound warns of routes that end up bound to nothing: those of the manifests,
// and those that were bound before.
func (p *places) unbound() []Finding {
	var findings []Finding
	for _, u := range explain.UnboundRoutes(p.verdict.Before, p.verdict.After, p.among) {
		f := p.at(u.Ref, u.Field)
		if _, among := p.document(u.Ref); !among {
			f.Field = ""
		}
		f.Level, f.Rule, f.Message = Warning, BindingRule, u.Sentence()
		findings = append(findings, f)
	}
	return findings
}

// classes warns, once, of missing GatewayClasses that Gateways among the manifests name.
func (p *places) classes() []Finding {
	var first *hierarchy.Gateway
	var missing []hierarchy.Ref
	for g := range p.verdict.After.Graph().Gateways() {
		class := hierarchy.GatewayClassRef(g.Class)
		if p.verdict.After.Graph().Exists(class) || !p.among(g.Meta().Ref) {
			continue
		}
		missing = append(missing, class)
		if first == nil || hierarchy.Compare(g.Meta().Ref, first.Meta().Ref) < 0 {
			first = g
		}
	}
	if first == nil {
		return nil
	}
	slices.SortFunc(missing, hierarchy.Compare)
	f := p.at(first.Meta().Ref, "spec.gatewayClassName")
	f.Level, f.Rule, f.Message = Warning, BindingRule, explain.ClassMissing(p.verdict.After, slices.Compact(missing))
	return []Finding{f}
}

// among reports whether an object is one of the manifests that are applied.
func (p *places) among(ref hierarchy.Ref) bool {
	_, among := p.document(ref)
	return among && !p.Remove
}

// routes counts the routes after the change.
func (p *places) routes() int {
	n := 0
	for range p.verdict.After.Graph().Routes() {
		n++
	}
	return n
}

// instead removes notes on documents that have a warning.
func (p *places) instead(findings []Finding) []Finding {
	warned := map[string]bool{}
	for _, f := range findings {
		warned[f.File+" "+f.Object] = warned[f.File+" "+f.Object] || f.Rule == KindRule
	}
	return slices.DeleteFunc(findings, func(f Finding) bool { return f.Rule == PassedOverRule && warned[f.File+" "+f.Object] })
}

// unread warns of objects that look like policies and are not read as such.
func (p *places) unread() []Finding {
	objects := make([]*unstructured.Unstructured, 0, len(p.Manifests)+len(p.Unknown))
	for _, m := range slices.Concat(p.Manifests, p.Unknown) {
		objects = append(objects, m.Object)
	}
	var findings []Finding
	for _, u := range explain.UnreadPolicies(p.verdict.After, objects) {
		i := slices.IndexFunc(p.Unknown, func(m Manifest) bool { return hierarchy.RefOf(m.Object) == u.Ref })
		f := p.at(u.Ref, "kind")
		if i >= 0 {
			f = findingAt(p.Unknown[i], "kind")
		}
		f.Level, f.Rule, f.Message, f.Field = Warning, KindRule, u.Message(), ""
		findings = append(findings, f)
	}
	return findings
}

// undecided warns of policies that only platform namespaces may have, if these are not known.
func (p *places) undecided() []Finding {
	var findings []Finding
	if !p.PlatformUnknown || p.Remove {
		return nil
	}
	for _, m := range p.Manifests {
		ref := hierarchy.RefOf(m.Object)
		written, isPolicy := p.verdict.After.Policy(ref)
		if !isPolicy {
			continue
		}
		for _, a := range p.verdict.After.Acceptances(written) {
			if a.Target.Ref.Namespace == "" && a.Accepted() && a.Target.Ref.Name != ref.Namespace {
				f := findingAt(m, a.Target.Field)
				f.Level, f.Rule = Warning, AdmissionRule
				f.Message = fmt.Sprintf("it is not known whether a policy in namespace %q may target a %s: this may be refused", ref.Namespace, a.Target.Ref.Kind)
				findings = append(findings, f)
			}
		}
	}
	return findings
}

// violation is placed where the offending value is written. If that is not in the manifests, it is
// placed at the route, its Gateway, or the object that caused the value.
func (p *places) violation(v evaluate.Violation) Finding {
	f := p.cause(v)
	f.Level, f.Rule, f.Guardrail, f.Message = Note, GuardrailRule(v.Guardrail), v.Guardrail, v.Message
	switch v.Enforcement {
	case guardrail.Deny:
		f.Level = Denied
	case guardrail.Warn:
		f.Level = Warning
	}
	f.Path, f.Paths, f.Routes, f.FieldPath, f.SetBy = v.Where(), v.Paths, v.Targets, v.FieldPath, v.Set()
	if v.Origin != nil {
		f.Value = v.Origin.Value
	}
	f.text, f.Code = fmt.Sprintf("guardrail %s: %s", v.Guardrail, p.verdict.Told(v)), v.Code
	return f
}

func (p *places) cause(v evaluate.Violation) Finding {
	if v.Origin != nil {
		if d, ok := p.document(v.Origin.From); ok {
			return findingAt(d, review.FieldOf(p.verdict.After, d.Object, *v.Origin))
		}
	}
	if d, ok := p.document(v.Target); ok {
		return findingAt(d, ruleField(d.Object, v.Rule))
	}
	for _, d := range p.Manifests {
		ref := hierarchy.RefOf(d.Object)
		for _, s := range []*policy.Snapshot{p.verdict.Before, p.verdict.After} {
			if slices.Contains(s.Touched(ref), v.Target) {
				return findingAt(d, "")
			}
		}
	}
	return p.at(hierarchy.Ref{}, "")
}

// ruleField returns the path of a route's rule.
func ruleField(route *unstructured.Unstructured, rule hierarchy.RuleRef) string {
	index := rule.Index
	if rule.Name != "" {
		rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
		index = slices.IndexFunc(rules, func(r any) bool {
			object, _ := r.(map[string]any)
			return object["name"] == rule.Name
		})
	}
	if index < 0 {
		return ""
	}
	return "spec.rules[" + strconv.Itoa(index) + "]"
}
