package export

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Pattern is what an exporter makes of all routes whose inputs differ in nothing but the route's own
// name, namespace, UID and version: the same objects under other names, and the same outcomes. All of
// these inputs have to be plain.
type Pattern struct {
	of Projection
	// names are those of the objects.
	names []string
}

// Plain reports whether nothing that exists on the cluster plays a part for the route: no foreign policy
// applies to it, no foreign object has a name like ours, and no live object stands in for a policy that
// is invalid.
func (in *Input) Plain() bool {
	if len(in.Foreign) > 0 {
		return false
	}
	for name := range in.Taken {
		if strings.HasPrefix(name, namePrefix) {
			return false
		}
	}
	return len(in.Held) == 0 || !slices.ContainsFunc(in.Paths, func(p Path) bool { return len(p.Effective.Invalid) > 0 })
}

// NewPattern returns the pattern of a projection, as an exporter returned it.
func NewPattern(p Projection) *Pattern {
	pattern := &Pattern{of: p}
	for _, t := range p.targets {
		pattern.names = append(pattern.names, t.Name())
	}
	return pattern
}

// For returns the projection of another route.
func (p *Pattern) For(in *Input) Projection {
	if len(p.names) == 0 {
		return p.of // nothing in it has a name
	}
	objects, names := make([]renamed, len(p.names)), make([]string, len(p.names))
	for i, target := range p.of.targets {
		target.Route, target.hashed = in.Route, ""
		target = target.Named()
		names[i] = target.hashed
		objects[i] = renamed{like(p.of.Objects[i].Object, target, in), names[i], i}
	}
	slices.SortFunc(objects, func(a, b renamed) int {
		x, y := &p.of.targets[a.at].Kind, &p.of.targets[b.at].Kind
		return cmp.Or(strings.Compare(x.Group, y.Group), strings.Compare(x.Kind, y.Kind), strings.Compare(a.name, b.name))
	})
	result := Projection{
		Objects: make([]*unstructured.Unstructured, len(objects)), keys: make([]ObjectKey, len(objects)),
		Rules: p.injections(names), Outcomes: p.of.Outcomes,
	}
	for i := range objects {
		result.Objects[i], result.keys[i] = objects[i].Unstructured, p.of.keys[objects[i].at]
	}
	return result
}

// renamed is an object under another name, with the index of that in the pattern.
type renamed struct {
	*unstructured.Unstructured
	name string
	at   int
}

// like returns an object like another one, for another route.
func like(object map[string]any, at Target, in *Input) *unstructured.Unstructured {
	metadata, _ := object["metadata"].(map[string]any)
	spec, _ := object["spec"].(map[string]any)
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": at.metadata(in, metadata["labels"]), "spec": specFor(spec, at.Route.Name),
	}}
}

// specFor returns the spec for another route: the same but for the name in targetRefs.
func specFor(spec map[string]any, route string) map[string]any {
	refs, _ := spec["targetRefs"].([]any)
	if len(refs) == 0 {
		return spec
	}
	spec = maps.Clone(spec)
	others := make([]any, len(refs))
	for i, ref := range refs {
		fields, _ := ref.(map[string]any)
		fields = maps.Clone(fields)
		fields["name"] = route
		others[i] = fields
	}
	spec["targetRefs"] = others
	return spec
}

// injections returns the injections with other names.
func (p *Pattern) injections(names []string) []RuleInjection {
	if !slices.ContainsFunc(p.of.Rules, func(i RuleInjection) bool { return len(i.First)+len(i.Last) > 0 }) {
		return p.of.Rules
	}
	list := slices.Clone(p.of.Rules)
	for i := range list {
		for _, filters := range [...]*[]string{&list[i].First, &list[i].Last} {
			*filters = slices.Clone(*filters)
			for j, name := range *filters {
				(*filters)[j] = names[slices.Index(p.names, name)]
			}
		}
	}
	return list
}
