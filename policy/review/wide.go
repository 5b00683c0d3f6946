package review

import (
	"fmt"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
)

// tooWide looks, before anything is computed, at how many results each route and
// Gateway that the edit touches may have. Each is computed, kept in memory and
// published, so there is a limit for one object. It is not a limit for what was
// beyond it before the edit. Said is that of the first object alone.
func (v *Verdict) tooWide(touched []hierarchy.Ref, old, now *effective.Resolver, e Edit) (refused bool) {
	if e.MaxResults == 0 {
		return false
	}
	for _, target := range touched {
		if paths(v.After.Graph(), target) <= e.MaxResults {
			continue
		}
		width := now.Width(target)
		if width <= e.MaxResults || width <= old.Width(target) {
			continue
		}
		object := hierarchy.Ref{}
		if len(e.Changes) > 0 {
			object = e.Changes[0].Ref()
		}
		whose := "a route of another namespace"
		if e.MayRead.May(target.Namespace) {
			whose = target.String()
		}
		message := fmt.Sprintf("%s would have up to %d different results, one for each rule on each listener with policies of its own, and the limit is %d", whose, width, e.MaxResults)
		if e.Platform {
			v.notices = append(v.notices, Notice{Object: object, Message: message, named: true})
			return false
		}
		v.Refusals = append(v.Refusals, Refusal{Object: object, Forbidden: true,
			Message: message + ": have fewer rules with values of their own, or fewer listeners with policies of their own, or ask the platform team about --max-results"})
		return true
	}
	return false
}

// paths is the number of paths of a route or a Gateway, which is at least that of its results.
func paths(g *hierarchy.Graph, target hierarchy.Ref) int {
	object, _ := g.Get(target)
	if route, isRoute := object.(*hierarchy.Route); isRoute {
		return len(g.BoundTo(target)) * max(1, len(route.Rules))
	}
	return len(g.Listeners(target))
}

// maxPublished is about how large the results of one object may be: what etcd takes
// is 1.5 MiB, and what somebody above says later has to find room.
const maxPublished = 1 << 20

// tooLarge refuses a tenant's edit after which what applies to an object could not
// be written down any more, nor what is said above it later: a result that no API
// server takes leaves the last one in force. What was too large before may stay. The targets
// are those that are too large after the edit.
func (v *Verdict) tooLarge(targets []sides, e Edit) {
	seen := results{}
	for _, t := range targets {
		size, _ := seen.of(t.after)
		if was, _ := seen.of(t.before); size <= was {
			continue
		}
		object := hierarchy.Ref{}
		if len(e.Changes) > 0 {
			object = e.Changes[0].Ref()
		}
		message := fmt.Sprintf("what applies to %s would take about %d bytes, and an EffectivePolicy may take %d", e.MayRead.Name(t.after.Target), size, maxPublished)
		if e.Platform {
			v.notices = append(v.notices, Notice{Object: object, Message: message, named: true})
			return
		}
		v.Refusals = append(v.Refusals, Refusal{Object: object, Forbidden: true, Message: message + ": state less, or have fewer rules and listeners with values of their own"})
		return
	}
}

// results are about how many bytes results take, and which of them break a rule of their kind, which is
// rare. Many targets share a result.
type results map[*effective.PathPolicies]struct {
	size    int
	invalid bool
}

// of is about how many bytes the results of a target take, and whether all of them are valid.
func (s results) of(e *effective.Target) (size int, valid bool) {
	if e == nil {
		return 0, true
	}
	valid = true
	for _, scope := range e.Scopes {
		r, known := s[scope.Result]
		if !known {
			for _, m := range scope.Result.Kinds {
				r.size += m.Size()
				r.invalid = r.invalid || len(m.Invalid) > 0
			}
			s[scope.Result] = r
		}
		size += r.size
		valid = valid && !r.invalid
	}
	return size, valid
}
