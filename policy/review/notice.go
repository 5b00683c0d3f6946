package review

import (
	"fmt"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// Notice is information about one object of an edit that passes.
type Notice struct {
	// Object is the object that it concerns, Field is the path in it, if any.
	Object  hierarchy.Ref
	Field   string
	Message string
	// Note means that it is not a warning, but only information about something that is not read.
	Note bool
	// named means that the message names the object.
	named bool
	// shared is the message in the form for several objects: "take effect on HTTPRoute
	// shop/checkout". It is empty if the message only concerns this object.
	shared string
	// byTarget is the message about the target of the policy, without the policy.
	byTarget string
	// quiet means that an author who only writes this object need not be told.
	quiet bool
}

// Notices returns the notices of all objects: problems of policies that may pass, and the effect of
// the edit on these and on competing policies.
func (v Verdict) Notices() []Notice { return append(slices.Clone(v.notices), v.attachments()...) }

// Named reports whether the message names the object.
func (n Notice) Named() bool { return n.named }

// name returns the name of an object in a form that the author may see.
func (v Verdict) name(ref hierarchy.Ref) string {
	if v.edit.MayRead.May(ref.Namespace) {
		return v.After.Text(ref)
	}
	return v.edit.MayRead.Name(ref)
}

// String returns the notice as one line, with the object.
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

// attachments adds notices about the policies of an edit and those that compete with them: which
// take over, are cut off, or have no effect.
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
			notices = append(notices, v.transitions(was, now)...)
		}
	}
	return notices
}

// transitions adds notices about the targets that somebody else's policy gains or loses. For a new
// route, the effect is reported with the route's values.
func (v Verdict) transitions(was, now *policy.Policy) []Notice {
	ref, before := now.Ref, v.Before.Acceptances(was)
	var notices []Notice
	tell := func(one, several, what string) {
		notices = append(notices, Notice{Object: ref, Message: fmt.Sprintf("%s %s %s", ref, one, what), named: true, shared: several + " " + what})
	}
	held := map[hierarchy.Ref]bool{}
	for _, s := range v.After.Acceptances(now) {
		target := s.Target.Ref
		held[target] = true
		i := slices.IndexFunc(before, func(s policy.Acceptance) bool { return s.Target.Ref == target })
		switch {
		case i < 0 || before[i].Reason == s.Reason:
		case s.Accepted() && !v.edit.creates(target.Object()):
			tell("takes effect on", "take effect on", target.String())
		case !before[i].Accepted():
		case !v.edit.removes(target.Object()):
			tell("loses", "lose", target.String()+": "+s.Told(v.edit.MayRead))
		case len(now.Targets) == 1:
			tell("has no target any more:", "have no target any more:", target.Object().String()+" is deleted")
		default:
			tell("loses", "lose", target.String()+", which is deleted")
		}
	}
	if !constrains(now) {
		return notices
	}
	for _, s := range before {
		target := s.Target.Ref
		if s.Accepted() && s.Target.Selected && !v.edit.removes(target.Object()) && !held[target] {
			tell("does not select", "do not select", target.String()+" any more: its labels do not match")
		}
	}
	return notices
}

// constrains reports whether a policy states something that policies below cannot undo: an override
// or a bound.
func constrains(p *policy.Policy) bool {
	return len(p.Bounds) > 0 || slices.ContainsFunc(p.Layers, func(l merge.Layer) bool { return l.Block == merge.Override })
}

// effectless adds a notice that an accepted policy has no effect, and why.
func (v Verdict) effectless(p *policy.Policy) []Notice {
	if len(p.Selectors) > 0 && len(v.After.Acceptances(p)) == 0 {
		return []Notice{{Object: p.Ref, Field: "spec.targetSelectors", Message: "the selectors match no object now"}}
	}
	reaches := func(s policy.Acceptance) bool {
		_, onHierarchy := v.After.Level(p, s.Target.Ref) // a backend has no paths
		return s.Accepted() && onHierarchy && !v.meaningless(p, s.Target.Ref)
	}
	if p.Kind.Class != policy.Inherited || !slices.ContainsFunc(v.After.Acceptances(p), reaches) {
		return nil
	}
	paths, inEffect, beaten := v.effect(p.Ref)
	switch {
	case inEffect:
	case paths == 0:
		return []Notice{v.waiting(p)}
	case len(beaten) > 0:
		return []Notice{{Object: p.Ref, Message: fmt.Sprintf("%s has no effect on %s: %s", v.After.Text(p.Ref), anyOf(paths), v.winners(beaten)), named: true}}
	}
	return nil
}

// effect returns whether a policy of the edit is in effect on any path of a route; if not, on how
// many paths it states a field that has an effect there, and who wins.
func (v Verdict) effect(ref hierarchy.Ref) (paths int, inEffect bool, beaten []hierarchy.Ref) {
	for e := range v.results(ref) {
		if e.Target.GroupKind == hierarchy.GatewayKind {
			continue // its own paths have no traffic
		}
		for _, reach := range e.Reaches {
			for _, m := range reach.Result.Kinds {
				parts := m.Contributions()
				for i := range parts {
					part := &parts[i]
					switch {
					case part.Stated == 0 || part.Attachment.Policy.Ref != ref:
						continue
					case part.Won > 0 || len(part.Moved) > 0:
						return 0, true, nil
					}
					paths += reach.Paths
					beaten = append(beaten, part.BeatenBy...)
				}
			}
		}
	}
	return paths, false, beaten
}

// mostWinners is the maximum number of winners that a sentence names.
const mostWinners = 3

// winners returns who wins, in a form that the author may see.
func (v Verdict) winners(beaten []hierarchy.Ref) string {
	slices.SortFunc(beaten, hierarchy.Compare)
	beaten = slices.Compact(beaten)
	names := make([]string, 0, len(beaten))
	for _, ref := range beaten {
		if name := v.name(ref); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 1 {
		return names[0] + " wins"
	}
	return prose.List(names, mostWinners) + " win"
}

// meaningless reports whether no field of a policy has an effect on the route that it names, which
// is reported elsewhere.
func (v Verdict) meaningless(p *policy.Policy, target hierarchy.Ref) bool {
	return v.After.IsRoute(target.GroupKind) &&
		!slices.ContainsFunc(statedFields(p), func(f crd.Path) bool { return p.Kind.AppliesPath(target.GroupKind, f) })
}

// concerned lists the policies whose acceptance an edit can change.
func (v Verdict) concerned(e Edit) []hierarchy.Ref {
	var refs []hierarchy.Ref
	for _, s := range []*policy.Snapshot{v.Before, v.After} {
		for _, ref := range e.refs() {
			refs = append(refs, ref)
			if p, ok := s.Policy(ref); ok {
				for _, t := range s.TargetsOf(p) {
					refs = append(refs, names(s.Named(t))...)
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

// anyOf returns the phrase for all of a number of paths, in a negative sentence.
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
