package policy

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/attache-dev/attache/hierarchy"
)

// Selector stands for a target reference to each object of a kind that has certain labels
// (semantics section 2).
type Selector struct {
	Kind   schema.GroupKind
	Labels labels.Selector
	// Section is the section of each object, empty for the whole object.
	Section string
	// Everywhere means that it also selects in other namespaces, where a ReferenceGrant permits it.
	// Namespaces selects these namespaces by their labels; nil selects all.
	Everywhere bool
	Namespaces labels.Selector
	// Field is its path in the policy.
	Field string
}

func parseSelectors(kind *Kind, raw any, path *field.Path, errs field.ErrorList) ([]Selector, field.ErrorList) {
	if raw == nil {
		return nil, errs
	}
	list, isList := raw.([]any)
	if !isList {
		return nil, append(errs, field.Invalid(path, raw, "write a list of {group, kind, matchLabels}"))
	}
	var selectors []Selector
	for i, entry := range list {
		s, err := parseSelector(kind, entry, path.Index(i))
		if err != nil {
			errs = append(errs, err)
		} else {
			selectors = append(selectors, s)
		}
	}
	return selectors, errs
}

func parseSelector(kind *Kind, raw any, at *field.Path) (Selector, *field.Error) {
	object, isObject := raw.(map[string]any)
	if !isObject {
		return Selector{}, field.Invalid(at, raw, "write an object {group, kind, matchLabels}")
	}
	group, err := targetGroup(kind, object, at)
	if err != nil {
		return Selector{}, err
	}
	name, _ := object["kind"].(string)
	if name == "" {
		return Selector{}, field.Required(at.Child("kind"), "say what kind of objects the policy selects")
	}
	s := Selector{Kind: schema.GroupKind{Group: group, Kind: name}, Field: at.String()}
	s.Section, _ = object["sectionName"].(string)
	if s.Section != "" && isClusterScoped(s.Kind) {
		return s, field.Forbidden(at.Child("sectionName"), fmt.Sprintf("a %s has no sections: leave sectionName out", name))
	}
	if word := unknownWord(object, selectorWords); word != "" {
		return s, field.Forbidden(at.Child(word), "the meaning of this in a selector is not known, so it selects nothing")
	}
	if s.Labels, err = labelSelector(object, at); err != nil {
		return s, err
	}
	namespaces, _ := object["namespaces"].(map[string]any)
	switch from, _ := namespaces["from"].(string); {
	case kind.Group() == Group, from == "", from == "Same":
	case from == "All":
		s.Everywhere = true
	case from == "Selector":
		s.Everywhere = true
		inner, _ := namespaces["selector"].(map[string]any)
		if s.Namespaces, err = labelSelector(inner, at.Child("namespaces", "selector")); err != nil {
			return s, err
		}
	default:
		return s, field.NotSupported(at.Child("namespaces", "from"), from, []string{"Same", "All", "Selector"})
	}
	return s, nil
}

// labelSelector reads matchLabels and matchExpressions; without both, it selects everything.
func labelSelector(object map[string]any, at *field.Path) (labels.Selector, *field.Error) {
	var parsed metav1.LabelSelector
	fields := map[string]any{}
	for _, key := range [...]string{"matchLabels", "matchExpressions"} {
		if v, present := object[key]; present {
			fields[key] = v
		}
	}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &parsed)
	if err != nil {
		return nil, field.Invalid(at, fields, "not a label selector: "+err.Error())
	}
	selector, err := metav1.LabelSelectorAsSelector(&parsed)
	if err != nil {
		return nil, field.Invalid(at, fields, "not a label selector: "+err.Error())
	}
	return selector, nil
}

// selectKey is a kind and a namespace in which selectors search. The namespace is empty for
// cluster-scoped kinds, and everywhere for selectors that also search other namespaces.
type selectKey struct {
	kind      schema.GroupKind
	namespace string
}

// everywhere is not the name of a namespace.
const everywhere = "*"

func (s *Selector) keyOf(p *Policy) selectKey {
	switch {
	case isClusterScoped(s.Kind):
		return selectKey{s.Kind, ""}
	case s.Everywhere:
		return selectKey{s.Kind, everywhere}
	}
	return selectKey{s.Kind, p.Ref.Namespace}
}

// keysOf returns the keys of the index under which selectors that may select an object are found.
func keysOf(ref hierarchy.Ref) []selectKey {
	if isClusterScoped(ref.GroupKind) {
		return []selectKey{{ref.GroupKind, ""}}
	}
	return []selectKey{{ref.GroupKind, ref.Namespace}, {ref.GroupKind, everywhere}}
}

// selects reports whether a policy selects an existing target: an object with the right labels, or
// the one section of it with the right name. A target that the policy may not have is not selected.
func (s *Snapshot) selects(p *Policy, target hierarchy.Ref) bool {
	return slices.ContainsFunc(p.Selectors, func(sel Selector) bool {
		if sel.Kind != target.GroupKind || sel.Section != target.Section {
			return false
		}
		object, exists := s.graph.Get(target)
		return exists && s.reaches(p, &sel, object) && s.graph.Sections(target) == 1
	})
}

// reaches reports whether a selector selects an object, regardless of sections.
func (s *Snapshot) reaches(p *Policy, sel *Selector, object hierarchy.Object) bool {
	meta := object.Meta()
	ns := meta.Ref.Namespace
	if ns != "" && ns != p.Ref.Namespace {
		if !sel.Everywhere || (sel.Namespaces != nil && !sel.Namespaces.Matches(labels.Set(s.graph.NamespaceLabels(ns)))) {
			return false
		}
	}
	return sel.Labels.Matches(labels.Set(meta.Labels)) && s.permitted(p, meta.Ref) == ""
}

// objectsOf iterates over the objects that a selector selects.
func (s *Snapshot) objectsOf(p *Policy, sel *Selector) iter.Seq[hierarchy.Object] {
	key := sel.keyOf(p)
	if key.namespace == everywhere {
		key.namespace = ""
	}
	return func(yield func(hierarchy.Object) bool) {
		for object := range s.graph.Objects(sel.Kind, key.namespace) {
			if s.reaches(p, sel, object) && !yield(object) {
				return
			}
		}
	}
}

// Selection is the result of the selectors of a policy.
type Selection struct {
	// Targets are the objects and sections selected, sorted.
	Targets []hierarchy.Ref
	// PassedOver are the objects without the section, or with two of that name, sorted.
	PassedOver []hierarchy.Ref
}

// Selected lists what a policy selects now.
func (s *Snapshot) Selected(p *Policy) Selection {
	var list Selection
	for i := range p.Selectors {
		sel := &p.Selectors[i]
		for object := range s.objectsOf(p, sel) {
			if target := object.Meta().Ref.WithSection(sel.Section); s.graph.Sections(target) == 1 {
				list.Targets = append(list.Targets, target)
			} else {
				list.PassedOver = append(list.PassedOver, object.Meta().Ref)
			}
		}
	}
	list.Targets, list.PassedOver = sorted(list.Targets), sorted(list.PassedOver)
	return list
}

// selecting lists the policies that select a target.
func (s *Snapshot) selecting(target hierarchy.Ref) []*Policy {
	var list []*Policy
	for _, key := range keysOf(target) {
		candidates, _ := s.selectors.Get(key)
		for _, p := range candidates {
			if !slices.Contains(list, p) && s.selects(p, target) {
				list = append(list, p)
			}
		}
	}
	return list
}

// TargetsOf lists everything that a policy names or selects, whether it is accepted there or not:
// the targets that it names in spec order, then the others, sorted.
func (s *Snapshot) TargetsOf(p *Policy) []hierarchy.Ref {
	refs := make([]hierarchy.Ref, 0, len(p.Targets))
	for _, t := range p.Targets {
		refs = append(refs, t.Ref)
	}
	for _, ref := range s.Selected(p).Targets {
		if !slices.Contains(refs[:len(p.Targets)], ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// AcceptedAt reports whether a policy holds one target.
func (s *Snapshot) AcceptedAt(p *Policy, target hierarchy.Ref) bool {
	if i := slices.IndexFunc(p.Targets, func(t Target) bool { return t.Ref == target }); i >= 0 {
		return s.acceptance(p, p.Targets[i]).Accepted()
	}
	return s.selects(p, target) && s.acceptance(p, Target{Ref: target, Selected: true}).Accepted()
}

// reselect finds the targets whose selecting policies change in an edit: the targets of selectors
// that are added or removed, and the targets whose labels or sections change.
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

// reselectObject records an object and its sections, before and after the edit, if any selector may
// select it.
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

// reselectIn records everything in a namespace that a selector of another namespace may select.
func (e *edit) reselectIn(namespace string) {
	for _, kind := range e.next.kindsSelectedEverywhere() {
		for object := range e.next.graph.Objects(kind, namespace) {
			for _, target := range withSections(object, object.Meta().Ref) {
				e.at(target)
			}
		}
	}
}

// kindsSelectedEverywhere returns the kinds that selectors select in other namespaces.
func (s *Snapshot) kindsSelectedEverywhere() []schema.GroupKind {
	var kinds []schema.GroupKind
	for key := range s.selectors.All() {
		if key.namespace == everywhere {
			kinds = append(kinds, key.kind)
		}
	}
	return kinds
}

// noteClasses records the GatewayClasses that are removed.
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

// HasClass reports whether a GatewayClass exists, or counts as existing.
func (s *Snapshot) HasClass(ref hierarchy.Ref) bool {
	if s.graph.Exists(ref) {
		return true
	}
	return s.options.AssumeClasses && !s.goneClasses[ref.Object()] && len(s.graph.Touched(ref)) > 0
}
