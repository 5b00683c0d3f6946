package review

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Edit is what somebody is about to do.
type Edit struct {
	// Changes are made in the same breath: a request to an API server is one, a folder of manifests
	// is many.
	Changes []ObjectChange
	// Author is who makes the edit; nil when that is not known.
	Author *Author
	// MayRead says which namespaces that person may read; nil is every one.
	MayRead policy.Reader
	// MayReadGrants says in which namespaces that person may read ReferenceGrants; where it is nil,
	// grants that nearly fit a policy are not told of.
	MayReadGrants func(namespace string) bool
	// MaxPaths is how many paths guardrails that tell paths apart are asked about; 0
	// is no limit. Platform says that whoever makes the edit answers for all: then
	// what is beyond the limit is left to the publication gate, and else refused.
	MaxPaths int
	Platform bool
	// MaxResults is how many different results one route or Gateway may have; 0 is no
	// limit.
	MaxResults int
	// Enforced knows what data planes make of targets; nil is unknown.
	Enforced evaluate.Enforced
	// Memory is what rules of guardrails said before; nil is nothing.
	Memory *evaluate.Memory
}

// ObjectChange is an object before and after: Old is nil for a creation, New for a deletion. At
// admission Old is what the API server says it is, which may be newer than the snapshot.
type ObjectChange struct{ Old, New *unstructured.Unstructured }

// Author is who makes an edit, as rules see it under the name of user.
type Author struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

// EditOf is the edit of one object.
func EditOf(old, object *unstructured.Unstructured) Edit {
	return Edit{Changes: []ObjectChange{{old, object}}}
}

// The operations as rules see them.
const (
	Create = "CREATE"
	Update = "UPDATE"
	Delete = "DELETE"
)

// Operation is CREATE, UPDATE or DELETE.
func (c ObjectChange) Operation() string {
	switch {
	case c.Old == nil:
		return Create
	case c.New == nil:
		return Delete
	}
	return Update
}

// Ref names the object.
func (c ObjectChange) Ref() hierarchy.Ref {
	switch {
	case c.New != nil:
		return hierarchy.RefOf(c.New)
	case c.Old != nil:
		return hierarchy.RefOf(c.Old)
	}
	return hierarchy.Ref{}
}

// Relevant says whether the engine reads anything that changes: the spec and the labels of
// everything, and of a CRD the annotations too.
func (c ObjectChange) Relevant() bool {
	if c.Old == nil || c.New == nil {
		return c.Old != c.New // of nothing, nothing changes
	}
	return c.SpecChanges() || !reflect.DeepEqual(c.Old.GetLabels(), c.New.GetLabels()) ||
		c.Ref().GroupKind == crd.GroupKind && !reflect.DeepEqual(c.Old.GetAnnotations(), c.New.GetAnnotations())
}

// SpecChanges says whether the spec of the object changes.
func (c ObjectChange) SpecChanges() bool {
	return c.Old == nil || c.New == nil || !reflect.DeepEqual(c.Old.Object["spec"], c.New.Object["spec"])
}

// Relevant says whether any of the changes is.
func (e Edit) Relevant() bool {
	for _, c := range e.Changes {
		if c.Relevant() {
			return true
		}
	}
	return false
}

// Single is the change of an edit of one object.
func (e Edit) Single() (ObjectChange, bool) {
	if len(e.Changes) != 1 {
		return ObjectChange{}, false
	}
	return e.Changes[0], true
}

// deletes is the object that an edit of one object deletes, or nil.
func (e Edit) deletes() *unstructured.Unstructured {
	if c, ok := e.Single(); ok && c.New == nil {
		return c.Old
	}
	return nil
}

// creates says whether an object is new, removes whether it goes.
func (e Edit) creates(ref hierarchy.Ref) bool {
	return slices.ContainsFunc(e.Changes, func(c ObjectChange) bool { return c.Old == nil && c.Ref() == ref })
}

func (e Edit) removes(ref hierarchy.Ref) bool {
	return slices.ContainsFunc(e.Changes, func(c ObjectChange) bool { return c.New == nil && c.Ref() == ref })
}

// writes says whether an object is among those that the edit creates or changes.
func (e Edit) writes(ref hierarchy.Ref) bool {
	return slices.ContainsFunc(e.Changes, func(c ObjectChange) bool { return c.New != nil && c.Ref() == ref })
}

// set are the objects as they would be after the edit.
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

// apply makes the worlds before and after the edit, and says what could not be read in its objects.
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
	if len(old) > 0 {
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

// document is the part of the input that is the same on every path.
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
