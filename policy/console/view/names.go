package view

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
)

// kindWord is a kind in addresses: its name in lower case, with the group where it
// is neither Gateway API's nor ours.
func kindWord(gk schema.GroupKind) string {
	word := strings.ToLower(gk.Kind)
	if gk.Group == "" || gk.Group == hierarchy.Group || gk.Group == policy.Group {
		return word
	}
	return word + "." + gk.Group
}

// IDOf is an object or a section in addresses: httproute/shop/checkout#pay.
func IDOf(ref hierarchy.Ref) string {
	id := kindWord(ref.GroupKind) + "/"
	if ref.Namespace != "" {
		id += ref.Namespace + "/"
	}
	id += ref.Name
	if ref.Section != "" {
		id += "#" + ref.Section
	}
	return id
}

// IDOfObject is IDOf for a reference in its JSON form.
func IDOfObject(o explain.Object) string {
	return IDOf(hierarchy.NewRef(o.Group, o.Kind, o.Namespace, o.Name).WithSection(o.SectionName))
}

// words are the kinds of a snapshot by their words in addresses, with and without
// the group.
func words(w *World) map[string]schema.GroupKind {
	s := w.Snapshot
	known := map[string]schema.GroupKind{}
	add := func(gk schema.GroupKind) {
		known[kindWord(gk)] = gk
		known[strings.ToLower(gk.Kind)+"."+gk.Group] = gk
	}
	for _, gk := range []schema.GroupKind{
		hierarchy.GatewayClassKind, hierarchy.GatewayKind, hierarchy.ListenerSetKind, hierarchy.NamespaceKind, hierarchy.ServiceKind,
	} {
		add(gk)
	}
	for route := range s.Graph().Routes() {
		add(route.Meta().Ref.GroupKind)
	}
	for _, kind := range s.Kinds() {
		add(kind.GroupKind)
	}
	for ref := range w.Published {
		add(ref.GroupKind)
	}
	return known
}

// Named finds the object that an address means; it need not exist.
func (v *View) Named(id string) (hierarchy.Ref, error) {
	path, section, _ := strings.Cut(id, "#")
	parts := strings.Split(path, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[len(parts)-1] == "" {
		return hierarchy.Ref{}, BadRequest("write an object as KIND/NAMESPACE/NAME, such as httproute/shop/checkout")
	}
	gk, known := v.words[strings.ToLower(parts[0])]
	if !known {
		return hierarchy.Ref{}, NotFound("no kind is called " + parts[0] + " here")
	}
	namespace := ""
	if len(parts) == 3 {
		namespace = parts[1]
	}
	return hierarchy.NewRef(gk.Group, gk.Kind, namespace, parts[len(parts)-1]).WithSection(section), nil
}

// target finds a route or a Gateway that exists.
func (v *View) target(id string) (hierarchy.Ref, error) {
	ref, err := v.Named(id)
	if err != nil {
		return ref, err
	}
	if v.Published[ref.Object()] != nil {
		return ref, nil
	}
	if _, exists := v.Snapshot.Graph().Get(ref); !exists || (ref.GroupKind != hierarchy.GatewayKind && !v.Snapshot.IsRoute(ref.GroupKind)) {
		return ref, NotFound("there is no route or Gateway " + id)
	}
	return ref, nil
}

// objectOf is a reference in its JSON form.
func objectOf(ref hierarchy.Ref) explain.Object {
	return explain.Object{
		Group: ref.GroupKind.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, SectionName: ref.Section,
	}
}

// listenerName is a listener with its Gateway or ListenerSet, in its JSON form.
func listenerName(l *hierarchy.Listener) explain.ListenerName {
	n := explain.ListenerName{Gateway: l.Gateway.Place(), Listener: l.Ref.Section}
	if !l.ListenerSet.IsZero() {
		n.ListenerSet = l.ListenerSet.Place()
	}
	return n
}

// SortedKeys are the keys of a map in their order.
func SortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
