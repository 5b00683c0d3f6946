package preview

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"
)

// Manifest is an object with its position in a file.
type Manifest struct {
	Object *unstructured.Unstructured
	// File, Document and Item (in a List) are its position; both numbers count from 1, and Item is 0
	// outside a List.
	File           string
	Document, Item int
	// Line is the first line of the document. LineOf returns the line of a field; it is nil when
	// lines are not known.
	Line   int
	LineOf func(field string) int
}

// lineOf returns the line of a field, or of the document.
func (m *Manifest) lineOf(field string) int {
	if m.LineOf == nil {
		return m.Line
	}
	return m.LineOf(field)
}

// Change is a set of existing objects (the world) and an edit of it. Whether the world came from
// files or from a cluster makes no difference.
type Change struct {
	Before *policy.Snapshot
	// Guardrails are the guardrails of the world, before the edit.
	Guardrails []*unstructured.Unstructured
	// Resolver has already folded some of Before, or is nil.
	Resolver *effective.Resolver
	// Manifests are the objects of the edit as they would be stored; Refused are
	// those that a server would not store, and Problems says why.
	Manifests []Manifest
	Refused   []Manifest
	Problems  []Finding
	// Unknown are objects of kinds that have no definition.
	Unknown []Manifest
	// PassedOver are notes about documents that have no effect on the result.
	PassedOver []Finding
	// Old has, for each of Manifests, the object that it replaces, or nil.
	Old []*unstructured.Unstructured
	// Pruned are objects of the world that the edit removes as well.
	Pruned []*unstructured.Unstructured
	// Enforced tells how data planes enforce policies on routes; nil when that is not known.
	Enforced evaluate.Enforced
	// Now is the time by which exceptions of guardrails end.
	Now time.Time
	// PlatformUnknown means that it is not known which namespaces are platform namespaces.
	PlatformUnknown bool
	// Remove means that the manifests are removed rather than applied.
	Remove bool
}

// Touched returns the routes and Gateways that the change reaches, before or after.
func (c *Change) Touched(after *policy.Snapshot) []hierarchy.Ref {
	var touched []hierarchy.Ref
	for _, change := range c.edit().Changes {
		for _, u := range []*unstructured.Unstructured{change.Old, change.New} {
			if u != nil {
				touched = append(append(touched, c.Before.Touched(hierarchy.RefOf(u))...), after.Touched(hierarchy.RefOf(u))...)
			}
		}
	}
	slices.SortFunc(touched, hierarchy.Compare)
	return slices.Compact(touched)
}

// Verdict returns the engine's verdict on the whole change, without guardrails.
func (c *Change) Verdict(ctx context.Context) (review.Verdict, error) {
	return review.On(ctx, c.resolver(), c.edit(), nil)
}

// resolver returns a resolver of Before.
func (c *Change) resolver() *effective.Resolver {
	if c.Resolver == nil || c.Resolver.Snapshot() != c.Before {
		c.Resolver = effective.NewResolver(c.Before)
	}
	return c.Resolver
}

// edited returns the documents that can change an effective policy: all except guardrails and
// objects that already exist unchanged.
func (c *Change) edited() []int {
	var list []int
	for i, d := range c.Manifests {
		if !IsGuardrail(d.Object) && c.changeOf(i).Relevant() {
			list = append(list, i)
		}
	}
	return list
}

// edit returns the change as one edit.
func (c *Change) edit() review.Edit {
	e := review.Edit{Enforced: c.Enforced}
	for _, i := range c.edited() {
		e.Changes = append(e.Changes, c.changeOf(i))
	}
	for _, u := range c.Pruned {
		if !IsGuardrail(u) {
			e.Changes = append(e.Changes, review.ObjectChange{Old: u})
		}
	}
	return e
}

// changeOf returns the change of one document.
func (c *Change) changeOf(i int) review.ObjectChange {
	if c.Remove {
		return review.ObjectChange{Old: c.Old[i]}
	}
	return review.ObjectChange{Old: c.Old[i], New: c.Manifests[i].Object}
}

// IsGuardrail reports whether an object is a PolicyGuardrail.
func IsGuardrail(u *unstructured.Unstructured) bool {
	return u.GroupVersionKind().GroupKind() == guardrail.Kind
}
