package policy

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
)

// Reader says which namespaces somebody may be told about. Every text that leaves
// names objects by its methods, so that nobody learns from a refusal, a warning, a
// status or an event what is in a namespace that they may not read. Nil may be
// told of everything.
type Reader func(namespace string) bool

// May says whether the reader may be told of a namespace; of what is in none,
// everybody may.
func (r Reader) May(namespace string) bool { return r == nil || namespace == "" || r(namespace) }

// Name is an object as the reader may be told of it.
func (r Reader) Name(ref hierarchy.Ref) string {
	if r.May(ref.Namespace) {
		return ref.String()
	}
	return "a " + ref.Kind + " of another namespace"
}

// Names lists the first few of those that the reader may be told of, and counts
// the others.
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

// ReaderIn is whoever may read the status of an object in a namespace: they may be
// told of that namespace, and of those that belong to the platform, whose policies
// results name anyway. Those who read a platform namespace are told everything.
func (s *Snapshot) ReaderIn(namespace string) Reader {
	platform := s.options.PlatformNamespaces
	if platform == nil || slices.Contains(platform, namespace) {
		return nil
	}
	return func(other string) bool { return other == namespace || slices.Contains(platform, other) }
}

// Told is the message for a reader, who may not know the policy that holds the
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

// conflictMessage says who holds a target, and why. What is to be done about it
// only the vendor of a kind knows.
func conflictMessage(holder, why string, target hierarchy.Ref, kind schema.GroupKind, name string) string {
	advice := "delete one of the two or merge them"
	if kind.Group != Group {
		advice = "what both say does not apply together"
	}
	return fmt.Sprintf("%s %s and holds %s: one %s applies to a target; %s", holder, why, target, name, advice)
}

// overriddenMessage says who names a target that a policy only selects.
func overriddenMessage(holder string, target hierarchy.Ref) string {
	return fmt.Sprintf("%s names %s, which this policy only selects", holder, target)
}
