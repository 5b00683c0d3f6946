package guardrail

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Limits of what an API server passes on to a person: longer warnings are cut,
// and too many are not read.
const (
	MaxWarning  = 250
	MaxWarnings = 10
	// examples is how many changes are told one by one.
	examples = 5
)

// Reader says of which namespaces the person who makes an edit may be told.
type Reader = policy.Reader

// Warnings says in sentences what is to be known of an edit that goes through:
// what guardrails only warn of, what becomes of policies, and what changes.
// Totals come first and are true even where examples are left out. Each is
// under MaxWarning bytes, and there are at most MaxWarnings.
func (v Verdict) Warnings() []string {
	lines := v.Impact.summary()
	for _, violation := range v.By(Warn) {
		lines = append(lines, fmt.Sprintf("guardrail %s: %s", violation.Guardrail, violation.Told(v.edit.MayRead)))
	}
	for _, n := range v.Notices() {
		lines = append(lines, v.told(n))
	}
	lines = append(lines, v.Impact.examples(v.edit.MayRead, max(0, min(examples, MaxWarnings-len(lines)-1)))...)
	for i := range lines {
		lines[i] = prose.Clip(strings.Join(strings.Fields(prose.Visible(lines[i])), " "), MaxWarning-1)
	}
	if len(lines) > MaxWarnings {
		more := len(lines) - MaxWarnings + 1
		lines = append(lines[:MaxWarnings-1], fmt.Sprintf("and %d more warnings", more))
	}
	return lines
}

// Notice is something to be known of one object of an edit that goes through.
type Notice struct {
	// Object is what it is about, Field the path in it, if it is about one.
	Object  hierarchy.Ref
	Field   string
	Message string
	// named says that the message names the object.
	named bool
}

// Notices are those of all objects: what is wrong with policies and may pass, and
// what becomes of them and of those that compete with them.
func (v Verdict) Notices() []Notice { return append(slices.Clone(v.notices), v.attachments()...) }

// String is the notice in one line, with the object.
func (n Notice) String() string {
	if n.named {
		return n.Message
	}
	return n.Object.String() + ": " + n.inObject()
}

func (n Notice) inObject() string {
	if n.Field == "" {
		return n.Message
	}
	return n.Field + ": " + n.Message
}

// told is a notice in one line. Whoever edits a single object knows which one.
func (v Verdict) told(n Notice) string {
	if set := v.edit.set(); len(set) == 1 && hierarchy.RefOf(set[0]) == n.Object {
		return n.inObject()
	}
	return n.String()
}

func (i Impact) summary() []string {
	if i.Routes+i.Gateways == 0 {
		return nil
	}
	var parts []string
	if i.Routes > 0 {
		parts = append(parts, fmt.Sprintf("the effective policy of %s in %s", prose.Count(i.Routes, "route"), prose.Count(len(i.Namespaces), "namespace")))
	}
	if i.Gateways > 0 {
		parts = append(parts, "what new routes get on "+prose.Count(i.Gateways, "Gateway"))
	}
	return []string{"this changes " + strings.Join(parts, ", and ")}
}

// examples tells the first few changes of routes that may be read.
func (i Impact) examples(mayRead Reader, most int) []string {
	var lines []string
	told, hidden := 0, 0
	for _, c := range i.Changes {
		switch {
		case c.Target.GroupKind == hierarchy.GatewayKind:
		case !mayRead.May(c.Target.Namespace):
			hidden++
		case told < most:
			told++
			lines = append(lines, sentence(c, mayRead))
		default:
			told++
		}
	}
	more := told - len(lines)
	switch {
	case more > 0 && hidden > 0:
		lines = append(lines, fmt.Sprintf("and %s, and %s in namespaces that you may not read", prose.Count(more, "more change"), prose.Count(hidden, "change")))
	case more > 0:
		lines = append(lines, "and "+prose.Count(more, "more change"))
	case hidden > 0:
		lines = append(lines, prose.Count(hidden, "change")+" in namespaces that you may not read")
	}
	return lines
}

// Sentence tells one change: "HTTPRoute shop/checkout: request 60s -> 30s
// (override by TimeoutPolicy infra/edge-ceiling)".
func Sentence(c effective.Change) string { return sentence(c, nil) }

func sentence(c effective.Change, reader Reader) string {
	where := c.Target.String()
	if len(c.Rules) > 0 && c.Rules[0] != "*" {
		where += " " + strings.Join(c.Rules, ",")
	}
	by := c.Before
	verb := "was "
	if c.After != nil {
		by, verb = c.After, ""
	}
	sentence := fmt.Sprintf("%s: %s %s -> %s (%s%s by %s", where, c.Field, shown(c.Before), shown(c.After), verb, by.Block, reader.Name(by.From))
	if !by.ClampedBy.IsZero() {
		sentence += ", clamped by " + reader.Name(by.ClampedBy)
	}
	return sentence + ")"
}

func shown(o *effective.Origin) string {
	if o == nil {
		return "unset"
	}
	if s, ok := o.Value.(string); ok {
		return s
	}
	text, err := json.Marshal(o.Value)
	if err != nil {
		return fmt.Sprint(o.Value)
	}
	return string(text)
}

// attachments says what becomes of the policies that an edit is about or that
// compete with them: taking over, cut off, without effect.
func (v Verdict) attachments() []Notice {
	var notices []Notice
	own := map[hierarchy.Ref]bool{}
	for _, u := range v.edit.set() {
		own[hierarchy.RefOf(u)] = true
	}
	for _, ref := range v.concerned(v.edit) {
		now, isNow := v.After.Policy(ref)
		if !isNow {
			continue
		}
		if own[ref] {
			notices = append(notices, v.effectless(now)...)
			continue
		}
		if was, ok := v.Before.Policy(ref); ok && v.edit.MayRead.May(ref.Namespace) {
			notices = append(notices, transitions(v.Before.Acceptances(was), v.After.Acceptances(now), ref, v.edit.MayRead)...)
		}
	}
	return notices
}

// transitions tells on which targets somebody else's policy gains or loses its
// hold.
func transitions(before, after []policy.Acceptance, ref hierarchy.Ref, reader Reader) []Notice {
	var notices []Notice
	tell := func(format string, args ...any) {
		notices = append(notices, Notice{Object: ref, Message: fmt.Sprintf(format, args...), named: true})
	}
	for _, now := range after {
		i := slices.IndexFunc(before, func(s policy.Acceptance) bool { return s.Target.Ref == now.Target.Ref })
		switch {
		case i < 0 || before[i].Reason == now.Reason:
		case now.Accepted():
			tell("%s takes effect on %s", ref, now.Target.Ref)
		case before[i].Accepted():
			tell("%s loses %s: %s", ref, now.Target.Ref, now.Told(reader))
		}
	}
	return notices
}

// effectless says that an accepted policy decides nothing, and why.
func (v Verdict) effectless(p *policy.Policy) []Notice {
	reaches := func(s policy.Acceptance) bool { return s.Accepted() && !v.meaningless(p, s.Target.Ref) }
	if p.Kind.Class != policy.Inherited || !slices.ContainsFunc(v.After.Acceptances(p), reaches) {
		return nil
	}
	var tally effective.Tally
	for e := range effective.Resolve(v.After, v.After.Touched(p.Ref)...).All() {
		tally.Add(e)
	}
	paths, inEffect := 0, 0
	var beaten []hierarchy.Ref
	for _, c := range tally.Of(p.Ref) {
		paths += c.Paths
		inEffect += c.Whole + c.Part
		beaten = append(beaten, c.BeatenBy()...)
	}
	switch {
	case paths == 0:
		return []Notice{{Object: p.Ref, Message: fmt.Sprintf("%s reaches no route yet", p.Ref), named: true}}
	case inEffect == 0 && len(beaten) > 0:
		return []Notice{{Object: p.Ref, Message: fmt.Sprintf("%s has no effect on %s: %s wins", p.Ref, anyOf(paths), v.edit.MayRead.Name(beaten[0])), named: true}}
	}
	return nil
}

// meaningless says that nothing in a policy means anything on the route that it
// names; that is said already.
func (v Verdict) meaningless(p *policy.Policy, target hierarchy.Ref) bool {
	return v.After.IsRoute(target.GroupKind) &&
		!slices.ContainsFunc(statedFields(p), func(f string) bool { return p.Kind.Applies(target.GroupKind, f) })
}

// concerned lists the policies that an edit can give or take their standing.
func (v Verdict) concerned(e Edit) []hierarchy.Ref {
	var refs []hierarchy.Ref
	for _, s := range []*policy.Snapshot{v.Before, v.After} {
		for _, ref := range e.refs() {
			refs = append(refs, ref)
			if p, ok := s.Policy(ref); ok {
				for _, t := range p.Targets {
					refs = append(refs, names(s.Named(t.Ref))...)
				}
			}
			for _, place := range s.PolicyTargets(ref) {
				refs = append(refs, names(s.Named(place))...)
			}
		}
	}
	slices.SortFunc(refs, hierarchy.Compare)
	return slices.Compact(refs)
}

// anyOf is all of a number of paths, in a sentence that denies them.
func anyOf(paths int) string {
	if paths == 1 {
		return "its only path"
	}
	return "any of " + prose.Count(paths, "path")
}

func names(policies []*policy.Policy) []hierarchy.Ref {
	refs := make([]hierarchy.Ref, len(policies))
	for i, p := range policies {
		refs[i] = p.Ref
	}
	return refs
}
