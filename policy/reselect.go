package policy

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
)

// reselect finds the targets at which an edit changes who selects them: those
// of selectors that come or go, and those whose labels or sections change.
func (e *edit) reselect() {
	for _, p := range e.selecting {
		for _, s := range [...]*Snapshot{e.old, e.next} {
			for _, target := range s.Selected(p).Targets {
				e.at(target)
			}
		}
	}
	if e.next.selectors.Len() == 0 && e.old.selectors.Len() == 0 {
		return
	}
	for _, o := range e.set {
		e.reselectObject(o.Meta().Ref)
	}
	for _, ref := range e.remove {
		e.reselectObject(ref.Object())
	}
}

// reselectObject notes an object with its sections, before and after, where any
// selector may select it.
func (e *edit) reselectObject(ref hierarchy.Ref) {
	if slices.ContainsFunc(keysOf(ref), func(key selectKey) bool { _, any := e.next.selectors.Get(key); return any }) {
		for _, graph := range [...]*hierarchy.Graph{e.old.graph, e.next.graph} {
			if object, exists := graph.Get(ref); exists {
				for _, target := range withSections(object, ref) {
					e.at(target)
				}
			}
		}
	}
	if ref.GroupKind == hierarchy.NamespaceKind && !maps.Equal(e.old.graph.NamespaceLabels(ref.Name), e.next.graph.NamespaceLabels(ref.Name)) {
		e.reselectIn(ref.Name)
	}
}

// reselectIn notes everything in a namespace that a selector of another
// namespace may select.
func (e *edit) reselectIn(namespace string) {
	for _, kind := range e.next.kindsSelectedEverywhere() {
		for object := range e.next.graph.Objects(kind, namespace) {
			for _, target := range withSections(object, object.Meta().Ref) {
				e.at(target)
			}
		}
	}
}

// kindsSelectedEverywhere are the kinds of which a selector looks into other
// namespaces.
func (s *Snapshot) kindsSelectedEverywhere() []schema.GroupKind {
	var kinds []schema.GroupKind
	for key := range s.selectors.All() {
		if key.namespace == everywhere {
			kinds = append(kinds, key.kind)
		}
	}
	return kinds
}

// noteClasses remembers the GatewayClasses that go.
func (e *edit) noteClasses() {
	for _, ref := range e.remove {
		if _, existed := e.old.graph.Get(ref); existed && ref.GroupKind == hierarchy.GatewayClassKind {
			e.next.goneClasses = with(e.next.goneClasses, ref.Object(), true)
		}
	}
	for _, o := range e.set {
		if ref := o.Meta().Ref; e.next.goneClasses[ref] {
			e.next.goneClasses = without(e.next.goneClasses, ref)
		}
	}
}

// HasClass says whether a GatewayClass is there, or counts as there.
func (s *Snapshot) HasClass(ref hierarchy.Ref) bool {
	if s.graph.Exists(ref) {
		return true
	}
	return s.options.AssumeClasses && !s.goneClasses[ref.Object()] && len(s.graph.Touched(ref)) > 0
}
