package export

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/hierarchy"
)

// ForeignIndex finds the objects of data planes' APIs that are not ours by what they target. The nil
// index is empty.
type ForeignIndex struct {
	byTarget  map[hierarchy.Ref][]*unstructured.Unstructured
	selecting []*unstructured.Unstructured
	all       []*unstructured.Unstructured
	// taken are the names in use, by namespace.
	taken map[string]map[string]bool
}

// NewForeignIndex indexes objects, without those that are ours.
func NewForeignIndex(objects []*unstructured.Unstructured) *ForeignIndex {
	index := &ForeignIndex{byTarget: map[hierarchy.Ref][]*unstructured.Unstructured{}, taken: map[string]map[string]bool{}}
	for _, o := range objects {
		if Ours(o) {
			continue
		}
		index.take(o)
		index.all = append(index.all, o)
		for _, t := range TargetsOf(o) {
			index.byTarget[t] = append(index.byTarget[t], o)
		}
		if selectors, _, _ := unstructured.NestedSlice(o.Object, "spec", "targetSelectors"); len(selectors) > 0 {
			index.selecting = append(index.selecting, o)
		}
	}
	return index
}

// With returns the index with another version of an object, or without the object if now is nil.
func (x *ForeignIndex) With(ref hierarchy.Ref, now *unstructured.Unstructured) *ForeignIndex {
	var objects []*unstructured.Unstructured
	if x != nil {
		for _, o := range x.all {
			if hierarchy.RefOf(o) != ref {
				objects = append(objects, o)
			}
		}
	}
	if now != nil {
		objects = append(objects, now)
	}
	return NewForeignIndex(objects)
}

// TargetsOf returns the targets that an object names, in its own namespace.
func TargetsOf(o *unstructured.Unstructured) []hierarchy.Ref {
	list, _, _ := unstructured.NestedSlice(o.Object, "spec", "targetRefs")
	if one, found, _ := unstructured.NestedMap(o.Object, "spec", "targetRef"); found {
		list = append(list, one)
	}
	var refs []hierarchy.Ref
	for _, item := range list {
		fields, _ := item.(map[string]any)
		kind, _ := fields["kind"].(string)
		name, _ := fields["name"].(string)
		section, _ := fields["sectionName"].(string)
		if kind != "" && name != "" {
			refs = append(refs, hierarchy.NewRef(groupOf(fields), kind, o.GetNamespace(), name).WithSection(section))
		}
	}
	return refs
}

func groupOf(fields map[string]any) string {
	if group, stated := fields["group"].(string); stated {
		return group
	}
	return hierarchy.Group
}

// About returns the foreign objects of an exporter's kinds that reach a route of a graph.
func (x *ForeignIndex) About(g *hierarchy.Graph, r Registration, route *hierarchy.Route, paths []Path) []Foreign {
	if x == nil || len(x.all) == 0 || len(r.Kinds) == 0 {
		return nil
	}
	var places []hierarchy.Ref
	add := func(ref hierarchy.Ref) {
		if !slices.Contains(places, ref) {
			places = append(places, ref)
		}
	}
	ref := route.Meta().Ref
	add(ref)
	for i := range route.Rules {
		if name := route.Rules[i].Name; name != "" {
			add(ref.WithSection(name))
		}
	}
	for i := range paths {
		l := paths[i].Listener
		if i > 0 && l == paths[i-1].Listener {
			continue // the paths of a listener are adjacent
		}
		add(l.Ref)
		add(l.Ref.Object())
		add(l.Gateway)
		add(l.Gateway.WithSection(l.Ref.Section))
	}
	var found []Foreign
	for _, place := range places {
		for _, o := range x.byTarget[place] {
			if r.writes(o.GroupVersionKind().GroupKind()) {
				found = append(found, Foreign{o, place})
			}
		}
	}
	for _, o := range x.selecting {
		if !r.writes(o.GroupVersionKind().GroupKind()) {
			continue
		}
		for _, place := range places {
			if target, exists := g.Get(place); exists && place.Section == "" && Selects(g, o, target.Meta()) {
				found = append(found, Foreign{o, place})
			}
		}
	}
	return found
}

// Selects reports whether one of an object's selectors matches a route, a Gateway or a ListenerSet of
// a graph. It matches by labels, and in another namespace only with a ReferenceGrant there (E11.6,
// 12.E5i).
func Selects(g *hierarchy.Graph, o *unstructured.Unstructured, target *hierarchy.Meta) bool {
	list, _, _ := unstructured.NestedSlice(o.Object, "spec", "targetSelectors")
	for _, item := range list {
		fields, _ := item.(map[string]any)
		if fields["kind"] != target.Ref.Kind || groupOf(fields) != target.Ref.GroupKind.Group {
			continue
		}
		namespaces, _ := fields["namespaces"].(map[string]any)
		if matches(fields, target.Labels) && among(g, namespaces, o.GetNamespace(), target.Ref.Namespace) &&
			g.Permits(o.GroupVersionKind().GroupKind(), o.GetNamespace(), target.Ref) {
			return true
		}
	}
	return false
}

// among reports whether a selector covers a namespace: only its own, unless it says otherwise.
func among(g *hierarchy.Graph, namespaces map[string]any, own, other string) bool {
	switch namespaces["from"] {
	case "All":
		return true
	case "Selector":
		selector, _ := namespaces["selector"].(map[string]any)
		return matches(selector, g.NamespaceLabels(other))
	}
	return own == other
}

// matches reports whether matchLabels and matchExpressions match labels.
func matches(fields map[string]any, set map[string]string) bool {
	var s metav1.LabelSelector
	if err := convert(fields, &s); err != nil {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(&s)
	return err == nil && selector.Matches(labels.Set(set))
}

// take records a name that is in use.
func (x *ForeignIndex) take(o *unstructured.Unstructured) {
	names := x.taken[o.GetNamespace()]
	if names == nil {
		names = map[string]bool{}
		x.taken[o.GetNamespace()] = names
	}
	names[o.GetName()] = true
}

// Names returns the names that foreign objects use in a namespace. Our names contain a hash of the
// kind, so the names of all kinds are in one set.
func (x *ForeignIndex) Names(namespace string) map[string]bool {
	if x == nil {
		return nil
	}
	return x.taken[namespace]
}

// convert reads JSON into a typed value.
func convert(from map[string]any, to any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, to)
}
