package exporters

import (
	"slices"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// envoyTargets chooses what objects attach to (12.E1) and returns them.
//
// Envoy Gateway takes the most specific policy. A tenant can hide an object on the route, but not an
// older object on a rule. Every policy costs Envoy Gateway time, so where no value is forced there is one
// object on the route.
func envoyTargets(in *export.Input, rules []*envoyRule) []export.Written {
	active := slices.DeleteFunc(slices.Clone(rules), func(r *envoyRule) bool { return r.passed })
	if in.Route.Kind == "TCPRoute" || in.Route.Kind == "TLSRoute" {
		for _, r := range active { // a section name has no effect on these
			r.Unique, r.carried = "", nil
		}
	}
	whole := envoyTarget(in, "").Named()
	if onRoute := in.ForeignAt(in.Route); len(onRoute) > 0 && !in.Older(whole.Name(), onRoute[0]) {
		reason, who := whole.TakenBy(onRoute[0])
		active = slices.DeleteFunc(active, func(r *envoyRule) bool {
			if r.Unique == "" {
				r.blockNeeds(reason, who)
			}
			return r.Unique == ""
		})
		return eachRule(in, active, false)
	}
	agreed, differ := agreedSlots(active)
	if len(differ) == 0 && !anyForced(active) {
		if agreed.empty() {
			return nil
		}
		return writeWhole(in, whole, agreed, active)
	}
	var unnamed, named []*envoyRule
	for _, r := range active {
		if r.Unique == "" {
			unnamed = append(unnamed, r)
		} else {
			named = append(named, r)
		}
	}
	agreed, differ = agreedSlots(unnamed)
	for _, at := range differ {
		for _, r := range unnamed {
			r.Each(r.slots[at].fields, func(v *draft.Outcome) { v.Because(export.UnnamedRule, r.Label()) })
			r.slots[at] = slot{}
		}
		agreed[at] = slot{}
	}
	var objects []export.Written
	onRoute := !agreed.empty()
	if onRoute {
		objects = writeWhole(in, whole, agreed, unnamed)
	}
	return append(objects, eachRule(in, named, onRoute)...)
}

// agreedSlots returns the needs on which rules agree, and the slots in which they differ.
func agreedSlots(rules []*envoyRule) (agreed needs, differ []slotName) {
	for at := range slots {
		var first *envoyRule
		for _, r := range rules {
			switch {
			case r.slots[at].anything:
			case first == nil:
				first = r
				agreed[at] = r.slots[at]
			case !field.EqualJSON(first.slots[at].value, r.slots[at].value) && !slices.Contains(differ, at):
				differ = append(differ, at)
			}
		}
	}
	return agreed, differ
}

// anyForced reports whether an object would have a value that a tenant must not be able to hide: an
// override, a bound, or a value that was clamped.
func anyForced(rules []*envoyRule) bool {
	for _, r := range rules {
		for _, s := range r.slots {
			for _, f := range s.fields {
				if s.value != nil && r.Agreement.Forced[f] {
					return true
				}
			}
		}
	}
	return false
}

// writeWhole returns the object on the whole route.
func writeWhole(in *export.Input, at export.Target, agreed needs, rules []*envoyRule) []export.Written {
	if in.Taken[at.Name()] {
		for _, r := range rules {
			r.blockNeeds(export.NameTaken, at.Name())
		}
		return nil
	}
	for _, r := range rules {
		r.says(at.Key())
	}
	return []export.Written{envoyObject(in, at, agreed.spec(), true)}
}

// eachRule returns an object for every named rule that needs one. All of them need one if there is an
// object on the route, which would apply to them otherwise.
func eachRule(in *export.Input, rules []*envoyRule, onRoute bool) []export.Written {
	var objects []export.Written
	for _, r := range rules {
		spec := r.slots.spec()
		if len(spec) == 0 && !onRoute && !(r.carried != nil && r.limitsOff() && specOf(r.carried)["rateLimit"] != nil) {
			continue
		}
		at := envoyTarget(in, r.Unique).Named()
		if in.Taken[at.Name()] {
			r.blockNeeds(export.NameTaken, at.Name())
			continue
		}
		merge := true
		if r.carried != nil {
			carried, ok := r.carry(spec)
			if !ok {
				r.blockNeeds(export.WouldHide, r.carried.String())
				continue
			}
			spec, merge = carried, false
			r.Each(r.Fields(), func(v *draft.Outcome) { v.Note(export.CarriedOver) })
		}
		r.says(at.Key())
		object := envoyObject(in, at, spec, merge)
		if r.carried != nil {
			notes := object.GetAnnotations()
			notes[export.CarriesAnnotation] = r.carried.Object.GetNamespace() + "/" + r.carried.Object.GetName()
			object.SetAnnotations(notes)
		}
		objects = append(objects, object)
	}
	return objects
}

// says records the object in which the rule's values stand.
func (r *envoyRule) says(object export.ObjectKey) {
	for _, f := range r.Fields() {
		v := r.Sheet.At(f)
		if v.As != "" && v.As != export.Absent && !v.InRoute() {
			v.Object = object
		}
	}
}

// blockNeeds adds a reason to the fields that need an object: they are not in force.
func (r *envoyRule) blockNeeds(reason export.Reason, args ...any) {
	for _, f := range r.Fields() {
		v := r.Sheet.At(f)
		if v.As != "" && !v.InRoute() {
			v.Because(reason, args...)
		}
	}
}

// envoyObject returns one BackendTrafficPolicy.
func envoyObject(in *export.Input, at export.Target, spec map[string]any, merge bool) export.Written {
	ref := map[string]any{"group": in.Route.GroupKind.Group, "kind": in.Route.Kind, "name": in.Route.Name}
	if at.Rule != "" {
		ref["sectionName"] = at.Rule
	}
	spec["targetRefs"] = []any{ref}
	if merge {
		spec["mergeType"] = "JSONMerge"
	}
	return at.Write(in, spec)
}
