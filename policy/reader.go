package policy

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
)

// Reader says which namespaces a user may be told about. Every message for users names objects by
// the methods of Reader, so that no refusal, warning, status or event reveals what is in a
// namespace that its reader may not read. A nil Reader may be told everything.
type Reader func(namespace string) bool

// May reports whether the reader may be told about a namespace. Everybody may be told about
// cluster-scoped objects.
func (r Reader) May(namespace string) bool { return r == nil || namespace == "" || r(namespace) }

// Name returns the name of an object in a form that the reader may see.
func (r Reader) Name(ref hierarchy.Ref) string {
	if r.May(ref.Namespace) {
		return ref.String()
	}
	return "a " + ref.Kind + " of another namespace"
}

// Names lists the first few objects that the reader may be told about, and counts the others.
func (r Reader) Names(refs []hierarchy.Ref, most int) string {
	var names []string
	hidden := 0
	for _, ref := range refs {
		if r.May(ref.Namespace) {
			names = append(names, ref.String())
		} else {
			hidden++
		}
	}
	switch {
	case hidden == 0:
		return prose.List(names, most)
	case len(names) == 0:
		return prose.Count(hidden, "object") + " of other namespaces"
	}
	return prose.List(names, most) + ", " + prose.Count(hidden, "object") + " of other namespaces"
}

// ReaderIn returns the Reader for the status of an object in a namespace. It may be told about that
// namespace, and about platform namespaces, whose policies results name anyway. The Reader of a
// platform namespace may be told everything.
func (s *Snapshot) ReaderIn(namespace string) Reader {
	platform := s.options.PlatformNamespaces
	if platform == nil || slices.Contains(platform, namespace) {
		return nil
	}
	return func(other string) bool { return other == namespace || slices.Contains(platform, other) }
}

// Told returns the message for a reader, who may not be allowed to know the policy that holds the
// target.
func (s Acceptance) Told(r Reader) string {
	switch {
	case s.Holder.IsZero() || r.May(s.Holder.Namespace):
		return s.Message
	case s.Reason == ReasonOverridden:
		return overriddenMessage(r.Name(s.Holder), s.Target.Ref)
	}
	return conflictMessage(r.Name(s.Holder), "comes first", s.Target.Ref, s.Holder.GroupKind, s.Holder.Kind)
}

// conflictMessage says which policy holds a target, and why. How to resolve the conflict depends on
// the kind.
func conflictMessage(holder, why string, target hierarchy.Ref, kind schema.GroupKind, name string) string {
	advice := "delete one of the two or merge them"
	if kind.Group != Group {
		advice = "what both say does not apply together"
	}
	return fmt.Sprintf("%s %s and holds %s: one %s applies to a target; %s", holder, why, target, name, advice)
}

// overriddenMessage says which policy names a target that this one only selects.
func overriddenMessage(holder string, target hierarchy.Ref) string {
	return fmt.Sprintf("%s names %s, which this policy only selects", holder, target)
}
