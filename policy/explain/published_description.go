package explain

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
)

// DescribePublished returns what surrounds a route or a Gateway, as far as its published
// EffectivePolicy object has it.
func DescribePublished(object *unstructured.Unstructured) (*Description, error) {
	p, err := decodePublished(object)
	if err != nil {
		return nil, err
	}
	d := newDescription(p.target)
	var listeners []string
	for _, scope := range p.scopes {
		for _, parent := range scope.Parents {
			listeners = append(listeners, parent.listener().Ref.String())
		}
		for _, o := range scope.Origins {
			d.attach(p.target, o.From.ref(), o.Target.ref(), o.Block)
			for _, b := range o.Beat {
				d.attach(p.target, b.From.ref(), scope.levelRef(p.target, b.Level), b.Block)
			}
			if by := o.ClampedBy.ref(); !by.IsZero() {
				d.attach(p.target, by, hierarchy.Ref{}, "bounds")
			}
		}
		for _, broken := range scope.Invalid {
			d.Findings = append(d.Findings, Remark{Field: broken.Policy, Message: broken.Message})
		}
	}
	slices.Sort(listeners)
	if list := slices.Compact(listeners); len(list) > 0 {
		d.Facts = append(d.Facts, Fact{"on", strings.Join(list, ", ")})
	}
	for _, list := range [][]Attached{d.Attached, d.Above} {
		slices.SortFunc(list, func(a, b Attached) int { return compareTexts(a.Policy, b.Policy) })
	}
	return d, nil
}

// levelRef returns the target of a value that lost, of which the object only has the level. It is
// zero if several objects are at that level.
func (s *publishedScope) levelRef(target hierarchy.Ref, level string) hierarchy.Ref {
	at := func(ref func(*hierarchy.Listener) hierarchy.Ref) hierarchy.Ref {
		var one hierarchy.Ref
		for i, parent := range s.Parents {
			switch r := ref(parent.listener()); {
			case i == 0:
				one = r
			case r != one:
				return hierarchy.Ref{}
			}
		}
		return one
	}
	switch level {
	case hierarchy.RouteLevel.String(), hierarchy.RouteRuleLevel.String():
		return target
	case hierarchy.ListenerLevel.String():
		return at(func(l *hierarchy.Listener) hierarchy.Ref { return l.Ref })
	case hierarchy.GatewayClassLevel.String():
		return s.class()
	case hierarchy.GatewayLevel.String():
		return at(func(l *hierarchy.Listener) hierarchy.Ref { return l.Gateway })
	}
	return hierarchy.Ref{}
}

// attach records that a policy is attached to the target, or reaches it from above, with a block.
// For a policy that only bounds or loses, at is zero until some value names its target.
func (d *Description) attach(target, from, at hierarchy.Ref, block string) {
	if from == target {
		return // a value of the route itself
	}
	list := &d.Above
	known := func(a Attached) bool { return a.Policy == from.String() }
	if at.Object() == target || slices.ContainsFunc(d.Attached, known) {
		list = &d.Attached
	}
	i := slices.IndexFunc(*list, known)
	if i < 0 {
		*list = append(*list, Attached{Policy: from.String(), Reason: policy.ReasonAccepted})
		i = len(*list) - 1
	}
	a := &(*list)[i]
	if a.Target == "" && !at.IsZero() {
		a.Target = at.String()
	}
	if !slices.Contains(a.States, block) {
		a.States = append(a.States, block)
		slices.Sort(a.States)
	}
}

// DescribePublishedPolicy returns what a controller wrote into the status of a policy.
func DescribePublishedPolicy(object *unstructured.Unstructured, controller string) *Description {
	d := newDescription(hierarchy.RefOf(object))
	paths, _, _ := unstructured.NestedString(object.Object, "status", "summary", "inEffect")
	target, _, _ := unstructured.NestedString(object.Object, "status", "summary", "target")
	for _, f := range []Fact{{"target", target}, {"in effect on", paths}} {
		if f.Value != "" {
			d.Facts = append(d.Facts, f)
		}
	}
	ancestors, _, _ := unstructured.NestedSlice(object.Object, "status", "ancestors")
	for _, entry := range ancestors {
		ancestor, _ := entry.(map[string]any)
		if name, _ := ancestor["controllerName"].(string); name != controller {
			continue
		}
		text := func(key string) string { s, _, _ := unstructured.NestedString(ancestor, "ancestorRef", key); return s }
		at := hierarchy.NewRef(text("group"), text("kind"), text("namespace"), text("name")).WithSection(text("sectionName"))
		conditions := condition.Read(ancestor["conditions"])
		for _, c := range conditions {
			if c.Type == "Accepted" && c.Status == metav1.ConditionTrue && len(conditions) > 1 {
				continue // the next one has more information
			}
			d.Facts = append(d.Facts, Fact{at.String(), c.Reason + ": " + c.Message})
		}
	}
	return d
}
