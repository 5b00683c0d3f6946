package explain

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
)

// Unbound is a route that is bound to no listener, and why.
type Unbound struct {
	Route Object `json:"route"`
	// Before says that it was bound before the edit.
	Before bool `json:"before"`
	// Why has a reason for each parentRef, each naming the parent.
	Why []string `json:"why"`
	// Policies are attached to it and have no effect there.
	Policies []string `json:"policies,omitempty"`

	Ref hierarchy.Ref `json:"-"`
	// Field is the first parentRef.
	Field string `json:"-"`
}

// Sentence says it in one line.
func (u *Unbound) Sentence() string {
	text := "is bound to nothing: " + strings.Join(u.Why, "; ")
	if len(u.Why) == 0 {
		text += "it has no parentRefs"
	}
	if len(u.Policies) > 0 {
		text += "; no effect there: " + prose.List(u.Policies, 3)
	}
	return text
}

// UnboundRoutes lists the routes that are bound to nothing after an edit: those
// that were bound before it, and of the rest those that about picks. Sorted.
func UnboundRoutes(before, after *policy.Snapshot, about func(hierarchy.Ref) bool) []Unbound {
	var list []Unbound
	for r := range after.Graph().Routes() {
		ref := r.Meta().Ref
		if len(after.Graph().BoundTo(ref)) > 0 || mesh(after.Graph().Bindings(ref)) {
			continue
		}
		was := len(before.Graph().BoundTo(ref)) > 0
		if !was && !about(ref) {
			continue
		}
		u := Unbound{Route: objectOf(ref), Ref: ref, Before: was, Why: []string{}, Field: "spec.parentRefs[0]"}
		for _, b := range after.Graph().Bindings(ref) {
			text := bindingOf(after, ref, b)
			u.Why = append(u.Why, text.ParentRef.Text()+": "+text.Message)
		}
		u.Policies = attachedTo(after, ref)
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b Unbound) int { return hierarchy.Compare(a.Ref, b.Ref) })
	return list
}

// attachedTo are the policies that hold a route or a rule of it.
func attachedTo(s *policy.Snapshot, route hierarchy.Ref) []string {
	var policies []string
	for p := range s.Policies() {
		if slices.ContainsFunc(s.Acceptances(p), func(a policy.Acceptance) bool { return a.Accepted() && a.Target.Ref.Object() == route }) {
			policies = append(policies, p.Ref.String())
		}
	}
	slices.Sort(policies)
	return policies
}

// mesh says whether a route is accepted by a parent that has no listeners.
func mesh(bindings []hierarchy.Binding) bool {
	return slices.ContainsFunc(bindings, func(b hierarchy.Binding) bool { return b.Accepted || b.Reason == hierarchy.ReasonMeshParent })
}

func objectOf(ref hierarchy.Ref) Object {
	return Object{Group: ref.GroupKind.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, SectionName: ref.Section}
}
