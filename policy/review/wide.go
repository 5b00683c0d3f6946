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

// maxPublished is about how large the results of one object may be: what etcd takes
// is 1.5 MiB, and what somebody above says later has to find room.
const maxPublished = 1 << 20

// tooLarge refuses a tenant's edit after which what applies to an object could not
// be written down any more, nor what is said above it later: a result that no API
// server takes leaves the last one in force. What was too large before may stay.
func (v *Verdict) tooLarge(targets []sides, e Edit) {
	for _, t := range targets {
		size := published(t.after)
		if size <= maxPublished || size <= published(t.before) {
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

// published is about how many bytes the results of a target take.
func published(e *effective.Target) (size int) {
	if e == nil {
		return 0
	}
	for _, scope := range e.Scopes {
		for _, m := range scope.Result.Kinds {
			size += m.Size()
		}
	}
	return size
}
