package policy

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
)

// outsider is an object that is neither on the hierarchy nor a policy, but that a policy may name:
// a Service, or a custom backend.
type outsider struct {
	// sections are the names of a Service's ports, numbers are the numbers of all its ports. For
	// other kinds we do not know what a sectionName means.
	sections, numbers []string
	// gone says that the object was there and was removed.
	gone bool
}

// outsideKey is a kind and a namespace; the namespace is empty for all objects of the kind.
type outsideKey struct {
	kind      schema.GroupKind
	namespace string
}

// addOutside remembers that an object is there.
func (e *edit) addOutside(u *unstructured.Unstructured) {
	ref := hierarchy.RefOf(u)
	if ref.Name == "" || ref.GroupKind == crd.GroupKind || ref.GroupKind.Group == Group || ref.GroupKind.Group == hierarchy.Group {
		return
	}
	var o outsider
	if ref.GroupKind == hierarchy.ServiceKind {
		o.sections, o.numbers = portsOf(u)
	}
	if _, known := e.next.outside.Get(ref); !known {
		for _, key := range [...]outsideKey{{ref.GroupKind, ref.Namespace}, {ref.GroupKind, ""}} {
			e.next.outsideIn = e.next.outsideIn.With(key, true)
			if ref.Namespace == "" {
				break
			}
		}
	}
	e.next.outside = e.next.outside.With(ref, o)
}

// removeOutside remembers that an object was there.
func (e *edit) removeOutside(ref hierarchy.Ref) {
	if _, known := e.next.outside.Get(ref); known {
		e.next.outside = e.next.outside.With(ref, outsider{gone: true})
	}
}

func portsOf(service *unstructured.Unstructured) (names, numbers []string) {
	ports, _, _ := unstructured.NestedSlice(service.Object, "spec", "ports")
	for _, p := range ports {
		port, _ := p.(map[string]any)
		if name, _ := port["name"].(string); name != "" {
			names = append(names, name)
		}
		if number := port["port"]; number != nil {
			numbers = append(numbers, fmt.Sprint(number))
		}
	}
	return names, numbers
}

// missingOutside returns what is wrong with a target that is not on the hierarchy (semantics
// section 10). It is missing if other objects of its kind are known and it is not; if nothing is
// known about the kind, it is not looked at. Gateway API refers to a port by its name. Some vendors
// also use its number, which cannot be a name.
func (s *Snapshot) missingOutside(p *Policy, target hierarchy.Ref) (reason, message string) {
	o, there := s.outside.Get(target.Object())
	switch {
	case there && !o.gone && target.Section == "":
		return "", ""
	case there && !o.gone && target.GroupKind != hierarchy.ServiceKind:
		return ReasonNotLookedAt, fmt.Sprintf("%s is not looked at: it is not known what a section of a %s is", target, target.Kind)
	case there && !o.gone && (slices.Contains(o.sections, target.Section) || p.Kind.Group() != hierarchy.Group && slices.Contains(o.numbers, target.Section)):
		return "", ""
	case there && !o.gone:
		return ReasonTargetNotFound, fmt.Sprintf("%s has no port named %q", target.Object(), target.Section)
	case there, s.knowsOutside(target):
		return ReasonTargetNotFound, fmt.Sprintf("%s does not exist", target.Object())
	}
	message = fmt.Sprintf("%s is not looked at", target)
	if target.GroupKind != hierarchy.ServiceKind && target.Kind == hierarchy.ServiceKind.Kind {
		message += fmt.Sprintf("; its group is %q, did you mean group: %q?", target.GroupKind.Group, "")
	}
	return ReasonNotLookedAt, message
}

// knowsOutside reports whether objects of a target's kind are known in its namespace, or under its
// name in another one.
func (s *Snapshot) knowsOutside(target hierarchy.Ref) bool {
	if in, _ := s.outsideIn.Get(outsideKey{target.GroupKind, target.Namespace}); in {
		return true
	}
	return len(s.OutsideNamed(target)) > 0
}

// OutsideNamed lists the namespaces in which there is an object outside the
// hierarchy of a target's kind and name, sorted.
func (s *Snapshot) OutsideNamed(target hierarchy.Ref) []string {
	if any, _ := s.outsideIn.Get(outsideKey{target.GroupKind, ""}); !any {
		return nil
	}
	var namespaces []string
	for ref, o := range s.outside.All() {
		if !o.gone && ref.GroupKind == target.GroupKind && ref.Name == target.Name && ref.Namespace != target.Namespace {
			namespaces = append(namespaces, ref.Namespace)
		}
	}
	slices.Sort(namespaces)
	return namespaces
}

// Outside lists the objects outside the hierarchy of a kind in a namespace, sorted.
func (s *Snapshot) Outside(kind schema.GroupKind, namespace string) []hierarchy.Ref {
	if in, _ := s.outsideIn.Get(outsideKey{kind, namespace}); !in {
		return nil
	}
	var refs []hierarchy.Ref
	for ref, o := range s.outside.All() {
		if !o.gone && ref.GroupKind == kind && ref.Namespace == namespace {
			refs = append(refs, ref)
		}
	}
	return sorted(refs)
}

// SectionNames are the names of the sections of an object: listeners, rules, or
// the ports of a Service. It is nil for an object that is not there.
func (s *Snapshot) SectionNames(ref hierarchy.Ref) []string {
	if o, there := s.outside.Get(ref.Object()); there && !o.gone {
		return o.sections
	}
	object, _ := s.graph.Get(ref)
	return hierarchy.SectionNames(object)
}
