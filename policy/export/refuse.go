package export

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// RefuseObjects returns the projection without the objects that the data plane's CRD would refuse: their
// values are not in force (E2.2). A live object of the same name stays as it is, like that of an invalid
// kind (E2.3). Filters that name an object which is not written are left out. problems returns why an
// object would be refused.
func (p Projection) RefuseObjects(in Input, problems func(u *unstructured.Unstructured) []string) Projection {
	refused, named := map[ObjectKey]string{}, map[string]bool{}
	for i, object := range p.Objects {
		if found := problems(object); len(found) > 0 {
			refused[p.keys[i]] = found[0]
			named[object.GetName()] = true
		}
	}
	if len(refused) == 0 {
		return p
	}
	left := Projection{Outcomes: slices.Clone(p.Outcomes)}
	for i, object := range p.Objects {
		if named[object.GetName()] {
			live := in.Held[object.GetName()]
			if live == nil {
				continue
			}
			object = kept(object, live)
		}
		left.Objects, left.keys = append(left.Objects, object), append(left.keys, p.keys[i])
	}
	written := func(name string) bool {
		return !named[name] || in.Held[name] != nil
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
			*o = Outcome{Field: o.Field, Verdict: Unsupported, Reason: Invalid, Message: Invalid.Message(why)}
			if left.Object(p.Outcomes[path][i].Object) != nil {
				o.Notes = []string{Kept}
			}
		}
		left.Outcomes[path] = changed
	}
	return left
}

// kept returns an object with the spec of a live one.
func kept(object, live *unstructured.Unstructured) *unstructured.Unstructured {
	out := object.DeepCopy()
	spec, _, _ := unstructured.NestedMap(live.Object, "spec") // a copy
	out.Object["spec"] = spec
	return out
}

// filtered returns the names for which keep is true. It does not change the list.
func filtered(names []string, keep func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !keep(name) })
}
