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

// Manifest is an object and where it is written.
type Manifest struct {
	Object *unstructured.Unstructured
	// File, Document and Item (in a List) are where it stands; both numbers count
	// from 1, and Item is 0 outside a List.
	File           string
	Document, Item int
	// Line is the first line of the document, LineOf that of a field; nil when
	// lines are not known.
	Line   int
	LineOf func(field string) int
}

// lineOf is the line of a field, or of the document.
func (m *Manifest) lineOf(field string) int {
	if m.LineOf == nil {
		return m.Line
	}
	return m.LineOf(field)
}

// Change is a world and an edit of it. Whether the world came from files or from
// a cluster makes no difference.
type Change struct {
	Before *policy.Snapshot
	// Guardrails are those of the world, before the edit.
	Guardrails []*unstructured.Unstructured
	// Resolver has folded some of Before already; nil is none.
	Resolver *effective.Resolver
	// Manifests are the objects of the edit as they would be stored; Refused are
	// those that a server would not store, and Problems says why.
	Manifests []Manifest
	Refused   []Manifest
	Problems  []Finding
	// Unknown are objects of kinds that have no definition.
	Unknown []Manifest
	// PassedOver are notes of documents that no question depends on.
	PassedOver []Finding
	// Old has for each of Manifests the object that it takes the place of, or nil.
	Old []*unstructured.Unstructured
	// Pruned are objects of the world that the edit removes besides.
	Pruned []*unstructured.Unstructured
	// Enforced knows what data planes make of routes; nil is unknown.
	Enforced evaluate.Enforced
	// Now is the time by which exceptions of guardrails end.
	Now time.Time
	// PlatformUnknown says that it is not known which namespaces are the platform's.
	PlatformUnknown bool
	// Remove says that the manifests are removed rather than applied.
	Remove bool
}

// Touched are the routes and Gateways that the change reaches, before or after.
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

// Verdict is what the engine says of the whole change, without guardrails.
func (c *Change) Verdict(ctx context.Context) (review.Verdict, error) {
	return review.On(ctx, c.resolver(), c.edit(), nil)
}

// resolver is one of Before.
func (c *Change) resolver() *effective.Resolver {
	if c.Resolver == nil || c.Resolver.Snapshot() != c.Before {
		c.Resolver = effective.NewResolver(c.Before)
	}
	return c.Resolver
}

// edited are the documents that can change an effective policy: all but
// guardrails and what is there already.
func (c *Change) edited() []int {
	var list []int
	for i, d := range c.Manifests {
		if !IsGuardrail(d.Object) && c.changeOf(i).Relevant() {
			list = append(list, i)
		}
	}
	return list
}

// edit is the change as one edit.
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

// changeOf is the change of one document.
func (c *Change) changeOf(i int) review.ObjectChange {
	if c.Remove {
		return review.ObjectChange{Old: c.Old[i]}
	}
	return review.ObjectChange{Old: c.Old[i], New: c.Manifests[i].Object}
}

// IsGuardrail says whether an object is a PolicyGuardrail.
func IsGuardrail(u *unstructured.Unstructured) bool {
	return u.GroupVersionKind().GroupKind() == guardrail.Kind
}
