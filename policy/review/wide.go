package review

import (
	"fmt"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
)

// tooWide looks, before anything is computed, at how many results each route and
// Gateway that the edit touches may have. Each is computed, kept in memory and
// published, so there is a limit for one object. It is no limit for what was
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
