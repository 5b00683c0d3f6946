package export

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// mergingPlane writes objects for data planes that merge policies field by field. An object on a rule
// hides nothing there (12.K1, 12.A1).
type mergingPlane struct {
	in       *Input
	exporter string
	kind     Kind
	// spec returns the spec that satisfies the needs of a target, without targetRefs.
	spec func(n needs) map[string]any
}

func (p mergingPlane) target(rule string) target {
	return target{exporter: p.exporter, kind: p.kind, route: p.in.Route, rule: rule}
}

// settle finds older foreign policies on the targets themselves. Our objects do not set what these set
// (E11.2). sets reports whether a foreign spec sets a slot.
func (p mergingPlane) settle(rules []*envoyRule, sets func(spec map[string]any, at slotName) bool) {
	for _, r := range rules {
		places := []string{""}
		if r.unique != "" {
			places = []string{r.unique}
		}
		for _, place := range places {
			for _, f := range p.in.foreignAt(p.in.Route.WithSection(place)) {
				at := p.target(place)
				if p.in.older(at.name(), f) {
					continue
				}
				reason, who := at.takenBy(f)
				for s := range slots {
					if r.slots[s].value != nil && sets(specOf(f), s) {
						r.each(r.slots[s].fields, func(v *verdict) { v.because(reason, who) })
						r.slots[s] = slot{}
					}
				}
			}
		}
	}
}

// objects chooses the targets and returns the objects. If apart is true, rules must not share an object.
func (p mergingPlane) objects(rules []*envoyRule, apart bool) []*unstructured.Unstructured {
	active := slices.DeleteFunc(slices.Clone(rules), func(r *envoyRule) bool { return r.passed })
	agreed, differ := agreedSlots(active)
	named := slices.DeleteFunc(slices.Clone(active), func(r *envoyRule) bool { return r.unique == "" })
	if len(differ) == 0 && !((apart || anyForced(active)) && len(named) > 0) {
		return p.object("", agreed, active)
	}
	unnamed := slices.DeleteFunc(slices.Clone(active), func(r *envoyRule) bool { return r.unique != "" })
	agreed, differ = agreedSlots(unnamed)
	for at := range slots {
		reached := agreed[at].value != nil && slices.ContainsFunc(named, func(r *envoyRule) bool {
			return r.slots[at].value == nil && !r.slots[at].anything
		})
		if !reached && !slices.Contains(differ, at) {
			continue
		}
		for _, r := range unnamed {
			r.each(r.slots[at].fields, func(v *verdict) { v.because(UnnamedRule, r.label()) })
			r.slots[at] = slot{}
		}
		agreed[at] = slot{}
	}
	objects := p.object("", agreed, unnamed)
	for _, r := range named {
		objects = append(objects, p.object(r.unique, r.slots, []*envoyRule{r})...)
	}
	return objects
}

// object returns the object for one target, none if its spec is empty.
func (p mergingPlane) object(rule string, n needs, rules []*envoyRule) []*unstructured.Unstructured {
	spec := p.spec(n)
	at := p.target(rule)
	if len(spec) == 0 {
		return nil
	}
	for _, r := range rules {
		if p.in.Taken[at.name()] {
			r.blockNeeds(NameTaken, at.name())
		} else {
			r.says(at.name())
		}
	}
	if p.in.Taken[at.name()] {
		return nil
	}
	ref := map[string]any{"group": p.in.Route.GroupKind.Group, "kind": p.in.Route.Kind, "name": p.in.Route.Name}
	if rule != "" {
		ref["sectionName"] = rule
	}
	spec["targetRefs"] = []any{ref}
	object := at.object(p.in)
	object.Object["spec"] = spec
	return []*unstructured.Unstructured{object}
}
