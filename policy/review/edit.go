package review

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Edit is what a user is about to do.
type Edit struct {
	// Changes are made together: a request to an API server is one, a folder of manifests is many.
	Changes []ObjectChange
	// Author is the author of the edit; nil when not known.
	Author *Author
	// MayRead says which namespaces the author may read; nil means all.
	MayRead policy.Reader
	// MayReadGrants says in which namespaces the author may read ReferenceGrants; if it is nil,
	// grants that nearly fit a policy are not mentioned.
	MayReadGrants func(namespace string) bool
	// MaxPaths is the maximum number of paths on which guardrails that distinguish paths are
	// evaluated; 0 means no limit. Platform means that the author belongs to the platform: then an
	// edit beyond the limit is left to the publication gate, and otherwise refused.
	MaxPaths int
	Platform bool
	// MaxResults is the maximum number of different results of one route or Gateway; 0 means no
	// limit.
	MaxResults int
	// Enforced tells how data planes enforce policies on targets; nil when not known.
	Enforced evaluate.Enforced
	// Memory is what rules of guardrails said before; nil is nothing.
	Memory *evaluate.Memory
	// Wide returns what earlier reviews of edits that touch many routes and Gateways left behind: a
	// resolver, of the snapshot or another version of it, and a Memory. It is called once, with the number
	// of those that this edit touches; a nil resolver is nothing, and so is a nil function.
	Wide func(touched int) (*effective.Resolver, *evaluate.Memory)
}

// ObjectChange is an object before and after: Old is nil for a creation, New for a deletion. At
// admission, Old is the object that the API server sends, which may be newer than the one in the
// snapshot.
type ObjectChange struct{ Old, New *unstructured.Unstructured }

// Author is the author of an edit, which rules see as the variable user.
type Author struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

// EditOf returns the edit of one object.
func EditOf(old, object *unstructured.Unstructured) Edit {
	return Edit{Changes: []ObjectChange{{old, object}}}
}

// The operations, as rules see them.
const (
	Create = "CREATE"
	Update = "UPDATE"
	Delete = "DELETE"
)

// Operation returns CREATE, UPDATE or DELETE.
func (c ObjectChange) Operation() string {
	switch {
	case c.Old == nil:
		return Create
	case c.New == nil:
		return Delete
	}
	return Update
}

// Ref returns the Ref of the object.
func (c ObjectChange) Ref() hierarchy.Ref {
	switch {
	case c.New != nil:
		return hierarchy.RefOf(c.New)
	case c.Old != nil:
		return hierarchy.RefOf(c.Old)
	}
	return hierarchy.Ref{}
}

// Relevant reports whether the engine reads anything that changes: the spec and the labels of every
// object, and the annotations of a CRD.
func (c ObjectChange) Relevant() bool {
	if c.Old == nil || c.New == nil {
		return c.Old != c.New // nothing changes
	}
	return c.SpecChanges() || !reflect.DeepEqual(c.Old.GetLabels(), c.New.GetLabels()) ||
		c.Ref().GroupKind == crd.GroupKind && !reflect.DeepEqual(c.Old.GetAnnotations(), c.New.GetAnnotations())
}

// SpecChanges reports whether the spec of the object changes.
func (c ObjectChange) SpecChanges() bool {
	return c.Old == nil || c.New == nil || !reflect.DeepEqual(c.Old.Object["spec"], c.New.Object["spec"])
}

// Relevant reports whether any of the changes is relevant.
func (e Edit) Relevant() bool {
	for _, c := range e.Changes {
		if c.Relevant() {
			return true
		}
	}
	return false
}

// Single returns the change of an edit of one object.
func (e Edit) Single() (ObjectChange, bool) {
	if len(e.Changes) != 1 {
		return ObjectChange{}, false
	}
	return e.Changes[0], true
}

// deletes returns the object that an edit of one object deletes, or nil.
func (e Edit) deletes() *unstructured.Unstructured {
	if c, ok := e.Single(); ok && c.New == nil {
		return c.Old
	}
	return nil
}

// creates reports whether an object is new, removes whether it is removed.
func (e Edit) creates(ref hierarchy.Ref) bool {
	return slices.ContainsFunc(e.Changes, func(c ObjectChange) bool { return c.Old == nil && c.Ref() == ref })
}

func (e Edit) removes(ref hierarchy.Ref) bool {
	return slices.ContainsFunc(e.Changes, func(c ObjectChange) bool { return c.New == nil && c.Ref() == ref })
}

// writes reports whether an object is among those that the edit creates or changes.
func (e Edit) writes(ref hierarchy.Ref) bool {
	return slices.ContainsFunc(e.Changes, func(c ObjectChange) bool { return c.New != nil && c.Ref() == ref })
}

// set returns the objects as they would be after the edit.
func (e Edit) set() []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for _, c := range e.Changes {
		if c.New != nil {
			list = append(list, c.New)
		}
	}
	return list
}

func (e Edit) refs() []hierarchy.Ref {
	refs := make([]hierarchy.Ref, len(e.Changes))
	for i, c := range e.Changes {
		refs[i] = c.Ref()
	}
	return refs
}

// apply makes the snapshots before and after the edit, and returns the problems of its objects.
func (e Edit) apply(s *policy.Snapshot) (Verdict, []hierarchy.Problem) {
	var old []*unstructured.Unstructured
	var removed []hierarchy.Ref
	for _, c := range e.Changes {
		if c.Old != nil {
			old = append(old, c.Old)
		}
		if c.New == nil {
			removed = append(removed, c.Ref())
		}
	}
	before := s
	if slices.ContainsFunc(old, func(u *unstructured.Unstructured) bool { return !s.Has(u) }) {
		before, _ = s.With(old...)
	}
	after := before
	if len(removed) > 0 {
		after = after.Without(removed...)
	}
	var problems []hierarchy.Problem
	if set := e.set(); len(set) > 0 {
		after, problems = after.With(set...)
	}
	return Verdict{Before: before, After: after, edit: e}, problems
}

// document returns the part of the input that is the same on every path.
func (e Edit) document(impact evaluate.Impact) guardrail.Input {
	in := guardrail.Input{"change": impact.Input()}
	if c, ok := e.Single(); ok {
		if c.New != nil {
			in["object"] = c.New.Object
		}
		if c.Old != nil {
			in["oldObject"] = c.Old.Object
		}
		in["operation"] = c.Operation()
	}
	if e.Author != nil {
		groups := make([]any, len(e.Author.Groups))
		for i, g := range e.Author.Groups {
			groups[i] = g
		}
		in["user"] = map[string]any{"username": e.Author.Username, "groups": groups}
	}
	return in
}
