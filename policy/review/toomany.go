package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/evaluate"
)

// tooMany skips the guardrails that distinguish paths when an edit changes more paths than can be
// evaluated in one review. An edit of the platform is still judged before its results are
// published; a tenant's edit is refused, which costs next to nothing.
func (v *Verdict) tooMany(x *evaluate.Evaluator, e Edit) {
	sum := 0
	var names []string
	for g, n := range x.Counted() {
		sum += n
		names = append(names, g.Name)
	}
	if sum <= e.MaxPaths {
		return
	}
	x.PassOverCounted()
	slices.Sort(names)
	who := "guardrails " + strings.Join(names, ", ") + " read"
	if len(names) == 1 {
		who = "guardrail " + names[0] + " reads"
	}
	message := fmt.Sprintf("%s what tells one path from another (rule, listener or route), so this edit has %d paths to be asked about, and the limit is %d",
		who, sum, e.MaxPaths)
	object := hierarchy.Ref{}
	if len(e.Changes) > 0 {
		object = e.Changes[0].Ref()
	}
	if e.Platform {
		v.unjudged = message
		v.notices = append(v.notices, Notice{Object: object, Message: message + ": the controller asks before it publishes", named: true})
		return
	}
	v.Refusals = append(v.Refusals, Refusal{Object: object, Forbidden: true,
		Message: message + ": have fewer " + prose.List([]string{"routes", "rules", "listeners below what you edit"}, 3) + ", or ask the platform team about --max-paths"})
}
