package review

import (
	"fmt"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// absent returns the message about the object that a policy names if it does not exist; empty if
// only its section does not, or if something else is wrong.
func (v Verdict) absent(p *policy.Policy, s policy.Acceptance) string {
	object := s.Target.Ref.Object()
	_, onHierarchy := v.After.Level(p, object)
	if s.Reason != policy.ReasonTargetNotFound || !onHierarchy || v.After.HasClass(object) {
		return ""
	}
	return missing(object)
}

// missing returns what follows from the absence of an object. It does not name the policy: kubectl
// prints equal texts once, so a folder that is applied before its targets gives one line for each
// target.
func missing(object hierarchy.Ref) string {
	text := object.String() + " does not exist: "
	if object.GroupKind == hierarchy.GatewayKind || object.GroupKind == hierarchy.ListenerSetKind {
		text += "routes on it are bound to no listener, "
	}
	return text + "policies on it have no effect"
}

// waiting returns that no route is bound where a policy is attached.
func (v Verdict) waiting(p *policy.Policy) Notice {
	n := Notice{Object: p.Ref, Message: v.After.Text(p.Ref) + " reaches no route yet", named: true}
	for _, s := range v.After.Acceptances(p) {
		target := s.Target.Ref
		switch {
		case !s.Accepted():
			continue
		case !v.After.IsRoute(target.GroupKind):
			n.quiet = true
			return n
		}
		route, reason := target.Object(), "it has no parentRefs"
		if !v.edit.MayRead.May(route.Namespace) {
			return n
		}
		if bindings := v.After.Graph().Bindings(route); len(bindings) > 0 {
			reason = bindings[0].Reason
			if reason == hierarchy.ReasonParentNotFound {
				n.byTarget = missing(bindings[0].Parent.Ref.Object())
			}
		}
		unbound := fmt.Sprintf("%s is bound to no listener (%s)", route, reason)
		n.Message = v.After.Text(p.Ref) + " has no effect: " + unbound
		if n.byTarget == "" {
			n.byTarget = unbound + ": policies on it have no effect"
		}
		return n
	}
	return n
}
