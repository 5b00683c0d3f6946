package preview

import (
	"context"
	"maps"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/guardrail"
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
	// Remove says that the manifests are removed rather than applied.
	Remove bool
}

// Verdict is what the engine says of the whole change, without guardrails.
func (c *Change) Verdict(ctx context.Context) (guardrail.Verdict, error) {
	return guardrail.Review(ctx, c.Before, c.edit(), nil)
}

// edited are the documents that can change an effective policy: all but
// guardrails and what is there already.
func (c *Change) edited() []int {
	var list []int
	for i, d := range c.Manifests {
		if !IsGuardrail(d.Object) && (c.Remove || !same(c.Old[i], d.Object)) {
			list = append(list, i)
		}
	}
	return list
}

// same says whether an edit leaves all as it is that admission looks at.
func same(old, object *unstructured.Unstructured) bool {
	return old != nil && !crd.Is(object) &&
		reflect.DeepEqual(old.Object["spec"], object.Object["spec"]) && maps.Equal(old.GetLabels(), object.GetLabels())
}

// edit is the change as one edit. Of a single object it is what an API server
// would ask about it.
func (c *Change) edit() guardrail.Edit {
	edited := c.edited()
	if len(edited) == 1 {
		return c.editOf(edited[0])
	}
	var e guardrail.Edit
	for _, i := range edited {
		if u := c.Manifests[i].Object; c.Remove {
			e.Remove = append(e.Remove, hierarchy.RefOf(u))
		} else {
			e.Also = append(e.Also, u)
		}
	}
	return e
}

// editOf is the edit of one document alone.
func (c *Change) editOf(i int) guardrail.Edit {
	switch {
	case c.Remove:
		return guardrail.Edit{Old: c.Old[i], Operation: "DELETE"}
	case c.Old[i] != nil:
		return guardrail.Edit{Old: c.Old[i], New: c.Manifests[i].Object, Operation: "UPDATE"}
	}
	return guardrail.Edit{New: c.Manifests[i].Object, Operation: "CREATE"}
}

// IsGuardrail says whether an object is a PolicyGuardrail.
func IsGuardrail(u *unstructured.Unstructured) bool {
	return u.GetKind() == "PolicyGuardrail" && strings.HasPrefix(u.GetAPIVersion(), policy.Group+"/")
}
