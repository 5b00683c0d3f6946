package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Limits of warnings: an API server truncates longer ones, and nobody reads too many.
const (
	MaxWarning  = 250
	MaxWarnings = 3
)

// Warnings returns sentences about an edit that passes: how much it changes, violations of
// guardrails that only warn, the effect on policies, and which routes change, one line each. Values
// that the author of a route or of a policy wrote are not repeated. Each warning has less than
// MaxWarning bytes, and there are at most MaxWarnings. A refused edit changes nothing: its only
// warnings are further violations of guardrails.
func (v Verdict) Warnings() []string {
	lines := v.Lines()
	if len(lines) > MaxWarnings {
		more := len(lines) - MaxWarnings + 1
		lines = append(lines[:MaxWarnings-1], fmt.Sprintf("and %d more warnings", more))
	}
	for i := range lines {
		lines[i] = prose.Clip(strings.Join(strings.Fields(prose.Visible(lines[i])), " "), MaxWarning-1)
	}
	return lines
}

// Lines returns all warnings, for callers that add their own.
func (v Verdict) Lines() []string {
	var lines []string
	for _, violation := range v.By(guardrail.Warn) {
		lines = append(lines, fmt.Sprintf("guardrail %s: %s", violation.Guardrail, violation.Told(v.edit.MayRead)))
	}
	if !v.Denied() {
		lines = v.consequences(lines)
	}
	return lines
}

// consequences returns what follows from an edit, around the violations of guardrails.
func (v Verdict) consequences(guardrails []string) []string {
	head := v.headline()
	lines := append(head, guardrails...)
	for _, c := range v.Excepted() {
		lines = append(lines, c.String())
	}
	lines = append(lines, v.together(v.Notices())...)
	lines = append(lines, v.limited()...)
	room := MaxWarnings - len(lines)
	if room <= 0 || v.toldAtOnce() {
		return lines
	}
	told, hidden := v.told()
	_, change, single := v.single()
	switch {
	case len(head) == 0 || len(told) == 0:
	case len(told) == 1 && hidden == 0 && v.Impact.Routes > 1: // of a new policy
		lines[0] += "; " + v.sentence(told[0](), MaxWarning-3-len(head[0]))
		return lines
	case single && change.New == nil:
		lines[0] = v.ended(head[0], told, hidden)
		return lines
	}
	return append(lines, v.routes(told, hidden, room)...)
}

// ended is the one line about the end of a policy or the like, as folders of them are
// deleted: how much it changes, and what of all routes, or of the first, where that fits.
func (v Verdict) ended(head string, told []news, hidden int) string {
	room := MaxWarning - 3 - len(head)
	all := ""
	for i, ofOne := range told {
		if i > 0 {
			all += "; "
		}
		if all += v.sentence(ofOne(), MaxWarning); len(all) > room {
			break
		}
	}
	if hidden == 0 && len(all) <= room {
		return head + "; " + all
	}
	changes := told[0]()
	first := v.sentence(changes, room)
	if len(told) > 1 || hidden > 0 {
		first = v.first(changes, len(told)-1, hidden, room)
	}
	if len(first) > room {
		_, change, _ := v.single()
		return head + ": " + inFull(change)
	}
	return head + "; " + first
}

// together are notices in words. What is to be said of several objects is one line.
// Of a single object that is written, only what it waits for is named.
func (v Verdict) together(notices []Notice) []string {
	_, single := v.edit.Single()
	var lines []string
	done := map[string]bool{}
	for _, n := range notices {
		var same []string
		for _, other := range notices {
			if n.shared != "" && other.shared == n.shared {
				same = append(same, other.Object.String())
			}
		}
		switch {
		case n.Note || done[n.shared]:
		case single && n.quiet:
		case single && n.byTarget != "":
			lines = append(lines, n.byTarget)
		case len(same) > 1:
			lines = append(lines, prose.List(same, 2)+" "+n.shared)
			done[n.shared] = true
		default:
			lines = append(lines, n.String())
		}
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
	switch {
	case single && (v.Before.IsRoute(ref.GroupKind) || v.After.IsRoute(ref.GroupKind)):
		return v.ofRoute(ref, change)
	case v.toldAtOnce():
		return []string{v.sentence(v.compared.of(v.compared.routes()[0]), MaxWarning-1)}
	case single && v.knownToAuthor(ref, change), v.fulfils():
		return nil
	}
	var parts []string
	if n := v.Impact.Routes; n > 0 {
		parts = append(parts, fmt.Sprintf("%s in %s", prose.Count(n, "route"), prose.Count(len(v.Impact.Namespaces), "namespace")))
	}
	gateways := v.Impact.Gateways
	if single && ref.GroupKind == hierarchy.GatewayKind && (change.Old == nil || change.New == nil) {
		gateways-- // it is what it changes
	}
	if gateways > 0 {
		parts = append(parts, prose.Count(gateways, "Gateway"))
	}
	if len(parts) == 0 {
		return nil
	}
	who := "this"
	if single {
		who = ref.String()
	}
	line := who + " changes " + strings.Join(parts, " and ")
	if v.structural() && v.Impact.Routes > 0 {
		line += ": " + inFull(change)
	}
	return []string{line}
}

// structural says that a route comes or goes, or what is above routes. What that means
// is not told by an example: all values of a route come or go.
func (v Verdict) structural() bool {
	ref, change, single := v.single()
	if !single || change.Old != nil && change.New != nil {
		return false
	}
	switch ref.GroupKind {
	case hierarchy.GatewayClassKind, hierarchy.GatewayKind, hierarchy.ListenerSetKind, hierarchy.NamespaceKind:
		return true
	}
	return v.Before.IsRoute(ref.GroupKind) || v.After.IsRoute(ref.GroupKind)
}

// fulfils says that a Gateway or the like that is new only gives values to routes that
// had none: they waited for it, and who wrote them was told.
func (v Verdict) fulfils() bool {
	_, change, _ := v.single()
	return v.structural() && change.Old == nil && !v.displacesRoutes()
}

// inFull is the command that tells all changes.
func inFull(change ObjectChange) string {
	if change.Old != nil && change.New == nil {
		return "kubectl effective-policy diff -f FILE --delete"
	}
	return "kubectl effective-policy diff -f FILE"
}

// toldAtOnce says that the line of the only route that a policy changes says all.
func (v Verdict) toldAtOnce() bool {
	ref, change, single := v.single()
	if !single || v.Impact.Routes != 1 || !v.edit.MayRead.May(v.Impact.Namespaces[0]) {
		return false
	}
	_, was := v.Before.Policy(ref)
	_, is := v.After.Policy(ref)
	switch {
	case !was && !is:
		return false
	case change.Old == nil:
		return v.Impact.Namespaces[0] != ref.Namespace && v.displacesRoutes()
	}
	return v.Impact.Gateways == 0
}

// knownToAuthor says that a new policy changes nothing but the routes of its
// namespace that it names, or reaches no route, for which there is a notice.
func (v Verdict) knownToAuthor(ref hierarchy.Ref, change ObjectChange) bool {
	p, isPolicy := v.After.Policy(ref)
	switch {
	case !isPolicy || change.Old != nil:
		return false
	case v.Impact.Routes == 0:
		return len(v.effectless(p)) > 0
	}
	for target := range v.compared.differing() {
		if target.GroupKind == hierarchy.GatewayKind || target.Namespace != ref.Namespace ||
			!slices.ContainsFunc(p.Targets, func(t policy.Target) bool { return t.Ref.Object() == target }) {
			return false
		}
	}
	return true
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
	head := ref.String() + " gets "
	why := fmt.Sprintf("; why: kubectl effective-policy explain %s/%s -n %s", strings.ToLower(ref.Kind), ref.Name, ref.Namespace)
	values := gets(e)
	if len(values) == 0 {
		return nil
	}
	return []string{head + fitting(values, MaxWarning-1-len(head)-len(why)) + why}
}

// unbound says why a route is bound to no listener.
func (v Verdict) unbound(ref hierarchy.Ref) []string {
	for _, b := range v.After.Graph().Bindings(ref) {
		if b.Reason == hierarchy.ReasonMeshParent {
			return nil
		}
	}
	bindings := v.After.Graph().Bindings(ref)
	switch {
	case len(bindings) == 0:
		return []string{fmt.Sprintf("%s is bound to no listener: it has no parentRefs", ref)}
	case bindings[0].Reason == hierarchy.ReasonParentNotFound:
		return []string{missing(bindings[0].Parent.Ref.Object())}
	}
	return []string{fmt.Sprintf("%s is bound to no listener: %s", ref, bindings[0].Message)}
}

// limited says which values of a policy that is written something else limits.
func (v Verdict) limited() []string {
	ref, change, single := v.single()
	if !single || change.New == nil || !change.SpecChanges() {
		return nil
	}
	p, isPolicy := v.After.Policy(ref)
	if !isPolicy {
		return nil
	}
	said := map[string]bool{}
	var lines []string
	for m := range v.policies(ref, p.Kind.Name()) {
		for i := range m.Origins {
			o := &m.Origins[i]
			if o.From != ref || o.ClampedBy.IsZero() {
				continue
			}
			line := fmt.Sprintf("%s: %s %s is limited to %s by %s", ref, o.Path.String(), text(o.StatedText()), shown(o), v.edit.MayRead.Name(o.ClampedBy))
			if !said[line] {
				said[line] = true
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// routes tells the changes of routes, one line each; if there is no room, those of the
// first, and counts the others.
func (v Verdict) routes(told []news, hidden, room int) []string {
	switch {
	case hidden == 0 && len(told) <= room:
		lines := make([]string, len(told))
		for i, ofOne := range told {
			lines[i] = v.sentence(ofOne(), MaxWarning-1)
		}
		return lines
	case len(told) == 0:
		return []string{prose.Count(hidden, "route") + " in namespaces that you may not read"}
	}
	return []string{v.first(told[0](), len(told)-1, hidden, MaxWarning-1)}
}

// first tells the changes of one route, and counts the others in the same line, in as
// many bytes where that can be.
func (v Verdict) first(changes []effective.Change, more, hidden, bytes int) string {
	var rest []string
	if more > 0 {
		rest = append(rest, prose.Count(more, "more route"))
	}
	if hidden > 0 {
		rest = append(rest, prose.Count(hidden, "route")+" in namespaces that you may not read")
	} else {
		_, change, _ := v.single()
		rest[0] += ": " + inFull(change)
	}
	tail := "; and " + strings.Join(rest, ", and ")
	return v.sentence(changes, bytes-len(tail)) + tail
}
