package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Limits of what an API server passes on to a person: longer warnings are cut,
// and too many are not read.
const (
	MaxWarning  = 250
	MaxWarnings = 3
	// mostFields is how many fields one line tells of.
	mostFields = 4
)

// Warnings says in sentences what is to be known of an edit that goes through:
// how much it changes, what guardrails only warn of, what becomes of policies, and
// which routes change, one line each. The author of a route or of a new policy
// knows what it says: of that there is one line. Each is under MaxWarning bytes,
// and there are at most MaxWarnings.
func (v Verdict) Warnings() []string {
	lines := v.headline()
	for _, violation := range v.By(guardrail.Warn) {
		lines = append(lines, fmt.Sprintf("guardrail %s: %s", violation.Guardrail, violation.Told(v.edit.MayRead)))
	}
	for _, c := range v.Excepted() {
		lines = append(lines, c.String())
	}
	for _, n := range v.Notices() {
		if !n.Note {
			lines = append(lines, v.told(n))
		}
	}
	lines = append(lines, v.limited()...)
	if len(lines) > MaxWarnings {
		more := len(lines) - MaxWarnings + 1
		lines = append(lines[:MaxWarnings-1], fmt.Sprintf("and %d more warnings", more))
	} else if room := MaxWarnings - len(lines); room > 0 {
		lines = append(lines, v.routes(room)...)
	}
	for i := range lines {
		lines[i] = prose.Clip(strings.Join(strings.Fields(prose.Visible(lines[i])), " "), MaxWarning-1)
	}
	return lines
}

// single is the object of an edit of one object, after it or, when it is deleted,
// before it.
func (v Verdict) single() (ref hierarchy.Ref, change ObjectChange, ok bool) {
	change, ok = v.edit.Single()
	if !ok {
		return hierarchy.Ref{}, change, false
	}
	return change.Ref(), change, true
}

// headline says what the edit is to others, or, of a route, what the route gets.
// It names the object: kubectl prints the same text only once.
func (v Verdict) headline() []string {
	ref, change, single := v.single()
	if single && (v.Before.IsRoute(ref.GroupKind) || v.After.IsRoute(ref.GroupKind)) {
		return v.ofRoute(ref, change)
	}
	var parts []string
	if n := v.Impact.Routes; n > 0 {
		parts = append(parts, fmt.Sprintf("the effective policy of %s in %s", prose.Count(n, "route"), prose.Count(len(v.Impact.Namespaces), "namespace")))
	}
	if n := v.Impact.Gateways; n > 0 {
		parts = append(parts, "what new routes get on "+prose.Count(n, "Gateway"))
	}
	if len(parts) == 0 {
		return nil
	}
	who := "this"
	if single {
		who = ref.String()
	}
	return []string{who + " changes " + strings.Join(parts, ", and ")}
}

// ofRoute is the line about a route that is written. What it states itself its
// author knows; a deletion needs none.
func (v Verdict) ofRoute(ref hierarchy.Ref, change ObjectChange) []string {
	graph := v.After.Graph()
	switch {
	case change.New == nil:
		return nil
	case len(graph.BoundTo(ref)) == 0:
		return v.unbound(ref)
	case change.Old != nil:
		return nil // the line of its changes follows
	}
	e := v.Target(ref)
	if e == nil || !e.Reached() {
		return nil
	}
	values := gets(e)
	if values == "" {
		return nil
	}
	return []string{fmt.Sprintf("%s gets %s; why: kubectl effective-policy explain %s/%s -n %s", ref, values, strings.ToLower(ref.Kind), ref.Name, ref.Namespace)}
}

// unbound says why a route is bound to no listener.
func (v Verdict) unbound(ref hierarchy.Ref) []string {
	for _, b := range v.After.Graph().Bindings(ref) {
		if b.Reason == hierarchy.ReasonMeshParent {
			return nil
		}
	}
	for _, b := range v.After.Graph().Bindings(ref) {
		return []string{fmt.Sprintf("%s is bound to no listener: %s", ref, b.Message)}
	}
	return []string{fmt.Sprintf("%s is bound to no listener: it has no parentRefs", ref)}
}

// gets are the values of a route in words, by kind; those that differ by path are
// called mixed.
func gets(e *effective.Target) string {
	type leaf struct{ kind, field string }
	values := map[leaf]string{}
	var order []leaf
	for _, scope := range e.Scopes {
		for _, m := range scope.Result.Kinds {
			for _, o := range m.Origins {
				at := leaf{m.Kind.Name(), o.Field}
				text, known := values[at]
				switch {
				case !known:
					order = append(order, at)
					values[at] = shown(&o)
				case text != shown(&o):
					values[at] = "mixed"
				}
			}
		}
	}
	slices.SortStableFunc(order, func(a, b leaf) int { return strings.Compare(a.kind, b.kind) })
	var parts []string
	last := ""
	for i, at := range order {
		if i == mostFields+2 {
			parts = append(parts, fmt.Sprintf("and %d more", len(order)-i))
			break
		}
		text := at.field + " " + values[at]
		if at.kind != last {
			text = at.kind + " " + text
		}
		last = at.kind
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// limited says which values of a policy that is written something else limits.
func (v Verdict) limited() []string {
	ref, change, single := v.single()
	if !single || change.New == nil {
		return nil
	}
	if _, isPolicy := v.After.Policy(ref); !isPolicy {
		return nil
	}
	said := map[string]bool{}
	var lines []string
	for _, e := range v.results(ref) {
		for _, scope := range e.Scopes {
			for _, m := range scope.Result.Kinds {
				for _, o := range m.Origins {
					if o.From != ref || o.ClampedBy.IsZero() {
						continue
					}
					line := fmt.Sprintf("%s: %s %s is limited to %s by %s", ref, o.Field, text(o.Stated), shown(&o), v.edit.MayRead.Name(o.ClampedBy))
					if !said[line] {
						said[line] = true
						lines = append(lines, line)
					}
				}
			}
		}
	}
	return lines
}

// routes tells the changes of routes that may be read, one line each, and counts
// the others.
func (v Verdict) routes(room int) []string {
	ref, change, single := v.single()
	_, isPolicy := v.After.Policy(ref)
	isRoute := v.Before.IsRoute(ref.GroupKind) || v.After.IsRoute(ref.GroupKind)
	if single && isRoute && (change.Old == nil || change.New == nil) {
		return nil // its author knows
	}
	created := single && isPolicy && change.Old == nil
	var lines []string
	told, hidden := 0, 0
	for _, ofOne := range byTarget(v.Impact.Changes) {
		target := ofOne[0].Target
		switch {
		case target.GroupKind == hierarchy.GatewayKind:
		case !v.edit.MayRead.May(target.Namespace):
			hidden++
		case created && !displaces(ofOne, ref.Namespace):
		default:
			told++
			lines = append(lines, v.sentence(ofOne))
		}
	}
	if hidden == 0 && told <= room {
		return lines
	}
	lines = lines[:min(len(lines), room-1)]
	more := told - len(lines)
	switch {
	case more > 0 && hidden > 0:
		return append(lines, fmt.Sprintf("and %s, and %s in namespaces that you may not read", prose.Count(more, "more route"), prose.Count(hidden, "route")))
	case more > 0:
		return append(lines, fmt.Sprintf("and %s: kubectl effective-policy diff -f FILE", prose.Count(more, "more route")))
	}
	return append(lines, prose.Count(hidden, "route")+" in namespaces that you may not read")
}

// displaces says whether a new policy changes what somebody else had. What it gives
// to its own namespace, or where nothing was, its author knows.
func displaces(changes []effective.Change, namespace string) bool {
	return changes[0].Target.Namespace != namespace &&
		slices.ContainsFunc(changes, func(c effective.Change) bool { return c.Before != nil })
}

// byTarget puts the changes of one target together.
func byTarget(changes []effective.Change) [][]effective.Change {
	var parts [][]effective.Change
	for i, c := range changes {
		if n := len(parts); i > 0 && changes[i-1].Target == c.Target {
			parts[n-1] = append(parts[n-1], c)
			continue
		}
		parts = append(parts, []effective.Change{c})
	}
	return parts
}

// sentence tells the changes of one route: "HTTPRoute shop/checkout: TimeoutPolicy
// request 60s → 30s (override of TimeoutPolicy infra/edge-ceiling)".
func (v Verdict) sentence(changes []effective.Change) string {
	var parts []string
	last := ""
	for i, c := range changes {
		if i == mostFields {
			parts = append(parts, prose.Count(len(changes)-i, "more change"))
			break
		}
		parts = append(parts, v.changeText(c, &last))
	}
	return changes[0].Target.String() + ": " + strings.Join(parts, "; ")
}

// changeText is one field before and after. The kind and the author are not said
// twice in a row.
func (v Verdict) changeText(c effective.Change, last *string) string {
	by, verb := c.Before, "was "
	if c.After != nil {
		by, verb = c.After, ""
	}
	author := fmt.Sprintf(" (%s%s of %s", verb, by.Block, v.edit.MayRead.Name(by.From))
	if !by.ClampedBy.IsZero() {
		author += ", limited by " + v.edit.MayRead.Name(by.ClampedBy)
	}
	author += ")"
	text := c.Kind + " " + c.Field
	if c.Kind+author == *last {
		text, author = c.Field, ""
	} else {
		*last = c.Kind + author
	}
	if !c.Rules.All {
		text = strings.Join(c.Rules.Names(), ",") + " " + text
	}
	return fmt.Sprintf("%s %s → %s%s", text, shown(c.Before), shown(c.After), author)
}

func shown(o *effective.Origin) string {
	if o == nil {
		return "not set"
	}
	return text(o.Value)
}

// text is a value as a person writes it.
func text(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(data)
}
