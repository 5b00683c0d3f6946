package command

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/source"
)

// Levels of findings: what is denied, what passes with a warning, and what
// passes in silence.
const (
	levelDenied  = "denied"
	levelWarning = "warning"
	levelNote    = "note"
)

var severity = map[string]int{levelDenied: 0, levelWarning: 1, levelNote: 2}

// Rules that findings break. Those of guardrails are guardrail/NAME.
const (
	schemaRule    = "schema"
	admissionRule = "admission"
	brokenRule    = "guardrail"
)

func guardrailRule(name string) string { return brokenRule + "/" + name }

// finding is one thing that would be said about the manifests.
type finding struct {
	Level string `json:"level"`
	Rule  string `json:"rule"`
	// Object and Field are what has to be changed, as far as it is known.
	Object  string `json:"object,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	// Where in the manifests: that of the field, if it is written there.
	File     string `json:"file,omitempty"`
	Document int    `json:"document,omitempty"`
	Item     int    `json:"item,omitempty"`
	Line     int    `json:"line,omitempty"`
	// What follows is said of violations of guardrails: the first path, how many
	// there are, the value, and who set it.
	Guardrail string `json:"guardrail,omitempty"`
	Path      string `json:"path,omitempty"`
	Paths     int    `json:"paths,omitempty"`
	Routes    int    `json:"routes,omitempty"`
	FieldPath string `json:"fieldPath,omitempty"`
	Value     any    `json:"value,omitempty"`
	SetBy     string `json:"setBy,omitempty"`

	text string // in place of object, field and message, for people
	code string // of the rule of a guardrail
}

// sentence is the finding in one line.
func (f *finding) sentence() string {
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

// place is FILE:LINE, as tools print it that others read.
func (f *finding) place() string {
	if f.File == "" {
		return ""
	}
	return f.File + ":" + strconv.Itoa(f.Line)
}

// findingAt is a finding without a message, at a field of a document.
func findingAt(d source.Document, field string) finding {
	return finding{
		Object: guardrail.RefOf(d.Object).String(), Field: field,
		File: d.File, Document: d.Index, Item: d.Item, Line: d.LineOf(field),
	}
}

// places finds out where in the manifests the reason of a finding stands.
type places struct {
	*change
	verdict guardrail.Verdict
}

// document finds an object among the manifests.
func (p *places) document(ref hierarchy.Ref) (source.Document, bool) {
	i := slices.IndexFunc(p.documents, func(d source.Document) bool { return guardrail.RefOf(d.Object) == ref.Object() })
	if i < 0 {
		return source.Document{}, false
	}
	return p.documents[i], true
}

// at puts a finding to a field of an object, or to the first document when the
// object is none of the manifests.
func (p *places) at(ref hierarchy.Ref, field string) finding {
	if d, ok := p.document(ref); ok {
		return findingAt(d, field)
	}
	f := finding{Field: field}
	if len(p.documents) > 0 {
		f = findingAt(p.documents[0], "")
		f.Field = field
	}
	f.Object = ""
	if !ref.IsZero() {
		f.Object = ref.String()
	}
	return f
}

func (p *places) refusal(r guardrail.Refusal) finding {
	f := p.at(r.Object, r.Field)
	f.Level, f.Rule, f.Message = levelDenied, admissionRule, r.Message
	return f
}

func (p *places) notice(n guardrail.Notice) finding {
	f := p.at(n.Object, n.Field)
	f.Level, f.Rule, f.Message, f.text = levelWarning, admissionRule, n.Message, n.String()
	return f
}

// violation stands where the offending value is written. If that is not among
// the manifests, it is the route, its Gateway, or whatever brought the value
// about.
func (p *places) violation(v guardrail.Violation) finding {
	f := p.cause(v)
	f.Level, f.Rule, f.Guardrail, f.Message = levelNote, guardrailRule(v.Guardrail), v.Guardrail, v.Message
	switch v.Enforcement {
	case guardrail.Deny:
		f.Level = levelDenied
	case guardrail.Warn:
		f.Level = levelWarning
	}
	f.Path, f.Paths, f.Routes, f.FieldPath, f.SetBy = v.Where(), v.Paths, v.Targets, v.FieldPath, v.Set()
	if v.Origin != nil {
		f.Value = v.Origin.Value
	}
	f.text, f.code = fmt.Sprintf("guardrail %s: %s", v.Guardrail, p.verdict.Told(v)), v.Code
	return f
}

func (p *places) cause(v guardrail.Violation) finding {
	if v.Origin != nil {
		if d, ok := p.document(v.Origin.From); ok {
			return findingAt(d, guardrail.FieldOf(d.Object, *v.Origin))
		}
	}
	if d, ok := p.document(v.Target); ok {
		return findingAt(d, ruleField(d.Object, v.Rule))
	}
	for _, d := range p.documents {
		ref := guardrail.RefOf(d.Object)
		for _, s := range []*policy.Snapshot{p.verdict.Before, p.verdict.After} {
			if slices.Contains(s.Touched(ref), v.Target) {
				return findingAt(d, "")
			}
		}
	}
	return p.at(hierarchy.Ref{}, "")
}

// ruleField is the path of a route's rule, by the name that paths have for it.
func ruleField(route *unstructured.Unstructured, rule string) string {
	if strings.HasPrefix(rule, "rules[") {
		return "spec." + rule
	}
	rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
	i := slices.IndexFunc(rules, func(r any) bool {
		object, _ := r.(map[string]any)
		return rule != "" && object["name"] == rule
	})
	if i < 0 {
		return ""
	}
	return "spec.rules[" + strconv.Itoa(i) + "]"
}

// printFindings prints a line for each finding, and the totals.
func (o *options) printFindings(r *checkReport) error {
	p := o.pen()
	styles := map[string]style{levelDenied: red, levelWarning: yellow, levelNote: faint}
	t := &table{}
	for _, f := range r.Findings {
		place := f.place()
		if place == "" {
			place = "-"
		}
		t.add(cell{text: place}, cell{f.Level, styles[f.Level]}, cell{text: f.sentence()})
	}
	p.print(t)
	if len(r.Findings) > 0 {
		p.line("")
	}
	p.line("%s", p.paint(bold, r.text()))
	return p.err
}

// text is the totals in words.
func (r *checkReport) text() string {
	text := counted(r.Totals.Objects, "object") + ": "
	switch t := r.Totals; {
	case t.Denials > 0:
		text += "denied for " + counted(t.Denials, "reason")
	default:
		text += "allowed"
	}
	if r.Totals.Warnings > 0 {
		text += ", " + counted(r.Totals.Warnings, "warning")
	}
	if r.Changes.Fields > 0 {
		text += "; " + r.Changes.text()
	}
	return text
}
