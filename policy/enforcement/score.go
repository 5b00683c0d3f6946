package enforcement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// PolicyAt is a policy under one Gateway.
type PolicyAt struct{ Policy, Gateway hierarchy.Ref }

// Score counts how the values that a policy wins under one Gateway are enforced (E3.3).
type Score struct {
	// Paths counts the paths on which it wins a value; Enforced those on which all of these are in
	// force and accepted by the data plane; Some those on which only some are.
	Paths, Enforced, Some int
	// Pending counts paths that wait for the data plane, Unserved those that no exporter writes for.
	// Silent counts those that have waited long; Planned those of exporters that only plan.
	Pending, Unserved, Silent, Planned int
	// Exporters counts the paths of each exporter, Reasons those without one by the reason.
	Exporters, Reasons map[string]int
	// Losses and Failures count paths by the problem there.
	Losses, Failures map[Trouble]int
}

// Trouble is one reason why a field is not in force as stated, on one rule.
type Trouble struct {
	Field  string
	Reason string
	// Route and Rule are its position; both are empty when several routes have it.
	Route hierarchy.Ref
	Rule  string
}

// Scores scores one route for every policy that wins a value on it.
func Scores(t *effective.Target, rules []hierarchy.RuleRef, parts []Result) map[PolicyAt]Score {
	scores := map[PolicyAt]*Score{}
	index := indexParts(parts)
	won := map[*effective.PathPolicies]map[hierarchy.Ref]map[field.Field]bool{}
	for p := range t.Paths() {
		_, entry := index.next(p)
		if won[p.Result] == nil {
			won[p.Result] = winners(p.Result)
		}
		rule := ""
		if p.Rule >= 0 && p.Rule < len(rules) {
			rule = rules[p.Rule].String()
		}
		for policy, fields := range won[p.Result] {
			at := PolicyAt{policy, p.Listener.Gateway}
			if scores[at] == nil {
				scores[at] = &Score{Exporters: map[string]int{}, Reasons: map[string]int{}, Losses: map[Trouble]int{}, Failures: map[Trouble]int{}}
			}
			scores[at].count(entry, fields, Trouble{Route: t.Target, Rule: rule})
		}
	}
	out := make(map[PolicyAt]Score, len(scores))
	for at, s := range scores {
		out[at] = *s
	}
	return out
}

// winners returns the fields of our kinds that each policy wins or moves on a path.
func winners(p *effective.PathPolicies) map[hierarchy.Ref]map[field.Field]bool {
	won := map[hierarchy.Ref]map[field.Field]bool{}
	for _, m := range p.Kinds {
		name := m.Kind.Name()
		if !field.IsKind(name) {
			continue
		}
		for i := range m.Origins {
			o := &m.Origins[i]
			f, ours := field.At(name, o.Path)
			if !ours {
				continue
			}
			for _, policy := range [...]hierarchy.Ref{o.From, o.ClampedBy} {
				if policy.IsZero() || policy == o.Target.Object() {
					continue // no policy, or the route's own value
				}
				if won[policy] == nil {
					won[policy] = map[field.Field]bool{}
				}
				won[policy][f] = true
			}
		}
	}
	return won
}

// count adds one path.
func (s *Score) count(e *Entry, fields map[field.Field]bool, at Trouble) {
	s.Paths++
	if e.State == NoExporter || e.State == Planned {
		s.Unserved++
		if e.State == Planned {
			s.Planned++
		}
		if e.Message != "" {
			s.Reasons[e.Message]++
		}
		return
	}
	s.Exporters[e.Exporter]++
	good, bad := 0, 0
	for _, o := range e.Outcomes {
		if !fields[o.Field] {
			continue
		}
		trouble := at
		trouble.Field, trouble.Reason = o.Field.String(), string(o.Reason)
		switch o.Verdict {
		case export.Unsupported:
			bad++
			s.Failures[trouble]++
		case export.Degraded:
			good++
			s.Losses[trouble]++
		case export.Projected:
			good++
		}
	}
	switch e.State {
	case Rejected, Conflicted, NotWritten, Drifted:
		trouble := at
		trouble.Reason = string(e.State)
		s.Failures[trouble]++
		return
	case Pending:
		s.Pending++
		if e.silent {
			s.Silent++
		}
	}
	if good > 0 {
		s.Some++
	}
	if bad == 0 && e.State == Accepted {
		s.Enforced++
	}
}

// Add adds the score of another route.
func (s *Score) Add(other Score) { s.sum(other, 1) }

// Remove takes back what Add added.
func (s *Score) Remove(other Score) { s.sum(other, -1) }

func (s *Score) sum(other Score, sign int) {
	s.Paths += sign * other.Paths
	s.Enforced += sign * other.Enforced
	s.Some += sign * other.Some
	s.Pending += sign * other.Pending
	s.Unserved += sign * other.Unserved
	s.Silent += sign * other.Silent
	s.Planned += sign * other.Planned
	s.Exporters = sumMaps(s.Exporters, other.Exporters, sign)
	s.Reasons = sumMaps(s.Reasons, other.Reasons, sign)
	s.Losses = sumMaps(s.Losses, other.Losses, sign)
	s.Failures = sumMaps(s.Failures, other.Failures, sign)
}

func sumMaps[K comparable](to, from map[K]int, sign int) map[K]int {
	if to == nil {
		to = map[K]int{}
	}
	for k, n := range from {
		if to[k] += sign * n; to[k] == 0 {
			delete(to, k)
		}
	}
	return to
}

// Condition is the condition Enforced of a policy's status.
type Condition struct{ Status, Reason, Message string }

// Condition summarizes a score (E3.3).
func (s *Score) Condition() Condition {
	by := " by " + strings.Join(slices.Sorted(maps.Keys(s.Exporters)), ", ")
	served := s.Paths - s.Unserved
	text := fmt.Sprintf("Enforced on %d of %s%s", s.Enforced, countPaths(s.Paths), by)
	switch {
	case served == 0 && s.Planned > 0:
		return Condition{"Unknown", "NoExporter", "The exporter of the GatewayClass only plans: nothing is written, and nothing is known of what the data plane does."}
	case served == 0:
		why := "no exporter is enabled for the GatewayClass"
		if len(s.Reasons) > 0 {
			why = strings.Join(slices.Sorted(maps.Keys(s.Reasons)), "; ") // E1.3, E1.6
		}
		return Condition{"Unknown", "NoExporter", "Nothing is known of what the data plane does: " + why + "."}
	case len(s.Failures) > 0 || s.Unserved > 0 && s.Pending == 0:
		reason := "PartiallyEnforced"
		if s.Some == 0 {
			reason = "NotEnforced"
		}
		failures := s.Failures
		if len(failures) == 0 {
			failures = map[Trouble]int{{Reason: string(NoExporter)}: s.Unserved}
		}
		return Condition{"False", reason, text + "; not enforced: " + troubles(failures, true) + "."}
	case s.Pending > 0:
		return Condition{"Unknown", "Pending", text + "; the data plane has not answered yet for " + countPaths(s.Pending) + s.silence() + "."}
	case len(s.Losses) > 0:
		return Condition{"True", "EnforcedWithLoss", text + ", with loss: " + troubles(s.Losses, false) + "."}
	}
	return Condition{"True", "Enforced", text + "."}
}

// silence is the end of a message about a data plane that has not answered for a long time.
func (s *Score) silence() string {
	if s.Silent == 0 {
		return ""
	}
	return "; no answer for 60s"
}

func countPaths(n int) string {
	if n == 1 {
		return "1 path"
	}
	return strconv.Itoa(n) + " paths"
}

// mostTroubles is the maximum number of items that a message lists.
const mostTroubles = 3

// troubles lists the problems, those with most paths first. A rule is only named if an item
// concerns one route.
func troubles(counts map[Trouble]int, where bool) string {
	type sum struct {
		paths  int
		places map[Trouble]bool
	}
	byItem := map[string]*sum{}
	for t, n := range counts {
		item := strings.TrimSpace(t.Field + " " + t.Reason)
		if byItem[item] == nil {
			byItem[item] = &sum{places: map[Trouble]bool{}}
		}
		byItem[item].paths += n
		byItem[item].places[Trouble{Route: t.Route, Rule: t.Rule}] = true
	}
	items := slices.SortedFunc(maps.Keys(byItem), func(a, b string) int {
		return cmp.Or(cmp.Compare(byItem[b].paths, byItem[a].paths), cmp.Compare(a, b))
	})
	var parts []string
	for i, item := range items {
		if i == mostTroubles {
			parts = append(parts, fmt.Sprintf("and %d more", len(items)-mostTroubles))
			break
		}
		s := byItem[item]
		at := ""
		for place := range s.places {
			if where && len(s.places) == 1 && !place.Route.IsZero() {
				at = " on " + place.Route.String()
				if place.Rule != "" {
					at += " rule " + place.Rule
				}
			}
		}
		parts = append(parts, fmt.Sprintf("%s%s (%s)", item, at, countPaths(s.paths)))
	}
	return strings.Join(parts, ", ")
}

// Same reports whether two scores are equal.
func (s Score) Same(other Score) bool {
	return s.Paths == other.Paths && s.Enforced == other.Enforced && s.Some == other.Some &&
		s.Pending == other.Pending && s.Unserved == other.Unserved && s.Silent == other.Silent && s.Planned == other.Planned &&
		maps.Equal(s.Exporters, other.Exporters) && maps.Equal(s.Reasons, other.Reasons) &&
		maps.Equal(s.Losses, other.Losses) && maps.Equal(s.Failures, other.Failures)
}
