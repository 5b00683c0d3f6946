package export

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// RefuseObjects is the projection without the objects that the data plane's CRD would refuse: what
// they were to say is not in force (E2.2). A live object of the same name stays as it is, as one of an
// invalid kind does (E2.3); filters name no object that is not written. problems says what an object
// is refused for.
func (p Projection) RefuseObjects(in Input, problems func(u *unstructured.Unstructured) []string) Projection {
	refused := map[string]string{}
	for _, object := range p.Objects {
		if found := problems(object); len(found) > 0 {
			refused[object.GetName()] = found[0]
		}
	}
	if len(refused) == 0 {
		return p
	}
	left := Projection{Outcomes: slices.Clone(p.Outcomes)}
	for _, object := range p.Objects {
		if _, out := refused[object.GetName()]; !out {
			left.Objects = append(left.Objects, object)
		} else if live := in.Held[object.GetName()]; live != nil {
			left.Objects = append(left.Objects, kept(object, live))
		}
	}
	written := func(name string) bool {
		_, out := refused[name]
		return !out || in.Held[name] != nil
	}
	for _, injection := range p.Rules {
		injection.First, injection.Last = filtered(injection.First, written), filtered(injection.Last, written)
		if len(injection.Leaves)+len(injection.First)+len(injection.Last) > 0 {
			left.Rules = append(left.Rules, injection)
		}
	}
	for path, outcomes := range left.Outcomes {
		changed := slices.Clone(outcomes)
		for i := range changed {
			o := &changed[i]
			why, out := refused[o.Object]
			if !out || o.Verdict == Unsupported {
				continue
			}
			*o = Outcome{Field: o.Field, Verdict: Unsupported, Reason: Invalid, Message: Invalid.message(why)}
			if in.Held[p.Outcomes[path][i].Object] != nil {
				o.Notes = []string{Kept}
			}
		}
		left.Outcomes[path] = changed
	}
	return left
}

// kept is an object with the spec of a live one.
func kept(object, live *unstructured.Unstructured) *unstructured.Unstructured {
	out := object.DeepCopy()
	spec, _, _ := unstructured.NestedMap(live.Object, "spec") // a copy
	out.Object["spec"] = spec
	return out
}

// filtered are the names that keep wants; the list itself is not changed.
func filtered(names []string, keep func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !keep(name) })
}
