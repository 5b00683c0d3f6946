package hierarchy

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Group is the API group of Gateway API's own kinds.
const Group = "gateway.networking.k8s.io"

// Ref names one object, or one section of it: a listener of a Gateway or a ListenerSet, or a rule
// of a route. It is comparable, and is the key used everywhere: two Refs name the same thing
// exactly when they are ==. It deliberately has no API version: an object is the same object
// through every served version.
type Ref struct {
	schema.GroupKind
	types.NamespacedName
	// Section is the name of a listener or of a route rule; empty for the
	// object itself.
	Section string
}

// NewRef returns the Ref of a whole object. An empty namespace means a
// cluster-scoped object.
func NewRef(group, kind, namespace, name string) Ref {
	return Ref{
		GroupKind:      schema.GroupKind{Group: group, Kind: kind},
		NamespacedName: types.NamespacedName{Namespace: namespace, Name: name},
	}
}

// RefOf returns the Ref of an object.
func RefOf(u *unstructured.Unstructured) Ref {
	gvk := u.GroupVersionKind()
	return NewRef(gvk.Group, gvk.Kind, u.GetNamespace(), u.GetName())
}

// GatewayRef is the Ref of a Gateway.
func GatewayRef(namespace, name string) Ref { return NewRef(Group, "Gateway", namespace, name) }

// GatewayClassRef is the Ref of a GatewayClass.
func GatewayClassRef(name string) Ref { return NewRef(Group, "GatewayClass", "", name) }

// NamespaceRef is the Ref of a Namespace.
func NamespaceRef(name string) Ref { return NewRef("", NamespaceKind.Kind, "", name) }

// ListenerSetRef is the Ref of a ListenerSet.
func ListenerSetRef(namespace, name string) Ref { return NewRef(Group, "ListenerSet", namespace, name) }

// WithSection returns the Ref of one section of the same object.
func (r Ref) WithSection(section string) Ref {
	r.Section = section
	return r
}

// Object returns the Ref of the whole object, without the section.
func (r Ref) Object() Ref {
	r.Section = ""
	return r
}

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// Place is "namespace/name", or the bare name of a cluster-scoped object.
func (r Ref) Place() string {
	if r.Namespace == "" {
		return r.Name
	}
	return r.Namespace + "/" + r.Name
}

// String is how people read a Ref: "GatewayClass edge", "HTTPRoute shop/checkout#pay". The group is
// left out: the text is for sentences, and is not a key.
func (r Ref) String() string {
	s := r.Kind + " " + r.Place()
	if r.Section != "" {
		s += "#" + r.Section
	}
	return s
}

// Compare orders Refs by kind, group, namespace, name and section. All output
// is sorted by it.
func Compare(a, b Ref) int { return compareRefs(&a, &b) }

// compareRefs is Compare without copying. Most compared Refs are of the same kind, and testing
// strings for equality is cheaper than ordering them.
func compareRefs(a, b *Ref) int {
	switch {
	case a == b:
		return 0
	case a.Kind != b.Kind:
		return strings.Compare(a.Kind, b.Kind)
	case a.GroupKind.Group != b.GroupKind.Group:
		return strings.Compare(a.GroupKind.Group, b.GroupKind.Group)
	case a.Namespace != b.Namespace:
		return strings.Compare(a.Namespace, b.Namespace)
	case a.Name != b.Name:
		return strings.Compare(a.Name, b.Name)
	}
	return strings.Compare(a.Section, b.Section)
}

// RuleRef names one rule of a route.
type RuleRef struct {
	// Index is the index of the rule in spec.rules.
	Index int
	// Name is the rule's name if no other rule of the route has the same one; empty otherwise, and
	// when it has no name (R53).
	Name string
}

// NoRule stands for the rule of an object that has no rules.
func NoRule() RuleRef { return RuleRef{Index: -1} }

// IsNone reports whether r is NoRule.
func (r RuleRef) IsNone() bool { return r.Index < 0 }

// String is how people read a RuleRef: the name, or "rules[2]"; empty for none.
func (r RuleRef) String() string {
	if r.IsNone() {
		return ""
	}
	if r.Name == "" {
		return unnamedRule + strconv.Itoa(r.Index) + "]"
	}
	return r.Name
}

// unnamedRule begins the text that identifies a rule without a name. A name cannot contain a
// bracket.
const unnamedRule = "rules["

// RuleOf returns the rule that the section of a target means: the reverse of RuleRef.String. It can
// only tell the Index of a rule without a name.
func RuleOf(section string) RuleRef {
	if inner, unnamed := strings.CutPrefix(section, unnamedRule); unnamed {
		if index, err := strconv.Atoi(strings.TrimSuffix(inner, "]")); err == nil {
			return RuleRef{Index: index}
		}
	}
	return RuleRef{Name: section}
}

// Text names a rule in a sentence: "rule pay", or "rules[2]" for one without a name.
func (r RuleRef) Text() string {
	if r.Name == "" {
		return r.String()
	}
	return "rule " + r.Name
}

// RuleSet is a set of rules of one route.
type RuleSet struct {
	// All means every rule of the route; it is also set for a route without rules.
	All bool
	// Rules are the rules in the order of the route; nil when All is set.
	Rules []RuleRef
}

// AllRules is every rule of a route.
func AllRules() RuleSet { return RuleSet{All: true} }

// Names returns the rules as people read them; "*" means all rules.
func (s RuleSet) Names() []string {
	if s.All {
		return []string{"*"}
	}
	names := make([]string, len(s.Rules))
	for i, r := range s.Rules {
		names[i] = r.String()
	}
	return names
}

// String lists the names.
func (s RuleSet) String() string { return strings.Join(s.Names(), ", ") }

// Equal reports whether two sets have the same rules.
func (s RuleSet) Equal(other RuleSet) bool {
	return s.All == other.All && slices.Equal(s.Rules, other.Rules)
}

// Has reports whether the rule with an index is in the set.
func (s RuleSet) Has(index int) bool {
	for _, r := range s.Rules {
		if r.Index == index {
			return true
		}
	}
	return s.All
}

// In lists the rules of a route that are in the set; NoRule alone for a route without rules.
func (s RuleSet) In(route *Route) []RuleRef {
	switch {
	case !s.All:
		return s.Rules
	case len(route.Rules) == 0:
		return []RuleRef{NoRule()}
	}
	return route.RuleRefs()
}

// SetOf returns the set of some rules of a route, which must be given in the order of the route.
func (o *Route) SetOf(rules []RuleRef) RuleSet {
	if len(rules) == max(1, len(o.Rules)) {
		return AllRules()
	}
	return RuleSet{Rules: rules}
}

// RuleRefs names the rules of a route, in their order.
func (o *Route) RuleRefs() []RuleRef {
	refs := make([]RuleRef, len(o.Rules))
	var times map[string]int
	if len(o.Rules) > fewRules {
		times = make(map[string]int, len(o.Rules))
		for i := range o.Rules {
			times[o.Rules[i].Name]++
		}
	}
	for i := range o.Rules {
		refs[i].Index = i
		if name := o.Rules[i].Name; times[name] == 1 || times == nil && o.rulesNamed(name) == 1 {
			refs[i].Name = name
		}
	}
	return refs
}

// fewRules are so few that comparing their names costs less than a map of them.
const fewRules = 8

// rulesNamed is how many rules have a name.
func (o *Route) rulesNamed(name string) int {
	n := 0
	for i := range o.Rules {
		if o.Rules[i].Name == name {
			n++
		}
	}
	return n
}
