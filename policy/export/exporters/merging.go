package exporters

import (
	"slices"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
)

// mergingPlane writes objects for data planes that merge policies field by field. An object on a rule
// hides nothing there (12.K1, 12.A1).
type mergingPlane struct {
	in       *export.Input
	exporter string
	kind     export.Kind
	// spec returns the spec that satisfies the needs of a target, without targetRefs.
	spec func(n needs) map[string]any
}

func (p mergingPlane) target(rule string) export.Target {
	return export.Target{Exporter: p.exporter, Kind: p.kind, Route: p.in.Route, Rule: rule}
}

// settle finds older foreign policies on the targets themselves. Our objects do not set what these set
// (E11.2). sets reports whether a foreign spec sets a slot.
func (p mergingPlane) settle(rules []*envoyRule, sets func(spec map[string]any, at slotName) bool) {
	for _, r := range rules {
		places := []string{""}
		if r.Unique != "" {
			places = []string{r.Unique}
		}
		for _, place := range places {
			for _, f := range p.in.ForeignAt(p.in.Route.WithSection(place)) {
				at := p.target(place)
				if p.in.Older(at.Name(), f) {
					continue
				}
				reason, who := at.TakenBy(f)
				for s := range slots {
					if r.slots[s].value != nil && sets(specOf(f), s) {
						r.Each(r.slots[s].fields, func(v *draft.Outcome) { v.Because(reason, who) })
						r.slots[s] = slot{}
					}
				}
			}
		}
	}
}

// objects chooses the targets and returns the objects. If apart is true, rules must not share an object.
func (p mergingPlane) objects(rules []*envoyRule, apart bool) []export.Written {
	active := slices.DeleteFunc(slices.Clone(rules), func(r *envoyRule) bool { return r.passed })
	agreed, differ := agreedSlots(active)
	named := slices.DeleteFunc(slices.Clone(active), func(r *envoyRule) bool { return r.Unique == "" })
	if len(differ) == 0 && !((apart || anyForced(active)) && len(named) > 0) {
		return p.object("", agreed, active)
	}
	unnamed := slices.DeleteFunc(slices.Clone(active), func(r *envoyRule) bool { return r.Unique != "" })
	agreed, differ = agreedSlots(unnamed)
	for at := range slots {
		reached := agreed[at].value != nil && slices.ContainsFunc(named, func(r *envoyRule) bool {
			return r.slots[at].value == nil && !r.slots[at].anything
		})
		if !reached && !slices.Contains(differ, at) {
			continue
		}
		for _, r := range unnamed {
			r.Each(r.slots[at].fields, func(v *draft.Outcome) { v.Because(export.UnnamedRule, r.Label()) })
			r.slots[at] = slot{}
		}
		agreed[at] = slot{}
	}
	objects := p.object("", agreed, unnamed)
	for _, r := range named {
		objects = append(objects, p.object(r.Unique, r.slots, []*envoyRule{r})...)
	}
	return objects
}

// object returns the object for one target, none if its spec is empty.
func (p mergingPlane) object(rule string, n needs, rules []*envoyRule) []export.Written {
	spec := p.spec(n)
	at := p.target(rule)
	if len(spec) == 0 {
		return nil
	}
	for _, r := range rules {
		if p.in.Taken[at.Name()] {
			r.blockNeeds(export.NameTaken, at.Name())
		} else {
			r.says(at.Key())
		}
	}
	if p.in.Taken[at.Name()] {
		return nil
	}
	ref := map[string]any{"group": p.in.Route.GroupKind.Group, "kind": p.in.Route.Kind, "name": p.in.Route.Name}
	if rule != "" {
		ref["sectionName"] = rule
	}
	spec["targetRefs"] = []any{ref}
	return []export.Written{at.Write(p.in, spec)}
}
