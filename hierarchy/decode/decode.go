package decode

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
)

// Object reads one object of any served version. It returns nil and no
// problems for a kind that is not part of the hierarchy. isRoute says which
// kinds besides Gateway API's own are routes; nil means none.
//
// It applies the defaults of the CRDs itself (R3, R12, R19, R54), because no API server has
// defaulted a manifest. It does not default metadata.namespace: only the reader of the manifest
// knows which namespace is current. An object with problems is returned as far as it could be read;
// the result is nil only when the object has no name. u is neither changed nor kept.
func Object(u *unstructured.Unstructured, isRoute func(schema.GroupKind) bool) (hierarchy.Object, []hierarchy.Problem) {
	if u == nil {
		return nil, nil
	}
	gk := u.GroupVersionKind().GroupKind()
	decode := decoderOf(gk, isRoute)
	if decode == nil {
		return nil, nil
	}
	r := &reader{ref: hierarchy.NewRef(canonical(gk.Group), canonical(gk.Kind), "", "")}
	meta, ok := r.meta(u.Object)
	if !ok {
		return nil, r.problems
	}
	object := decode(r, meta, u.Object)
	return object, r.problems
}

// decoder reads an object whose metadata has been read.
type decoder func(r *reader, meta hierarchy.Meta, object map[string]any) hierarchy.Object

func decoderOf(gk schema.GroupKind, isRoute func(schema.GroupKind) bool) decoder {
	switch gk {
	case hierarchy.GatewayClassKind:
		return decodeGatewayClass
	case hierarchy.GatewayKind:
		return decodeGateway
	case hierarchy.ListenerSetKind:
		return decodeListenerSet
	case hierarchy.ReferenceGrantKind:
		return decodeReferenceGrant
	case hierarchy.NamespaceKind:
		return decodeNamespace
	}
	if hierarchy.IsStandardRoute(gk) || isRoute != nil && isRoute(gk) {
		return decodeRoute
	}
	return nil
}

// meta reads the metadata, and completes the reader's own Ref for problems.
func (r *reader) meta(object map[string]any) (hierarchy.Meta, bool) {
	metadata := r.object(object, "", "metadata")
	name := r.text(metadata, "metadata", "name", "")
	r.ref.Namespace = canonical(r.text(metadata, "metadata", "namespace", ""))
	r.ref.Name = name
	if name == "" {
		if len(r.problems) == 0 {
			r.problem("metadata.name", "is missing; an object without a name cannot be referred to")
		}
		return hierarchy.Meta{}, false
	}
	meta := hierarchy.Meta{
		Ref:        r.ref,
		Generation: r.number(metadata, "metadata", "generation"),
		UID:        r.text(metadata, "metadata", "uid", ""),
		Labels:     r.labels(metadata, "metadata", "labels"),
	}
	if created := r.text(metadata, "metadata", "creationTimestamp", ""); created != "" {
		t, err := time.Parse(time.RFC3339, created)
		if err != nil {
			r.problem("metadata.creationTimestamp", "%q is not a time; write for example 2026-01-31T12:00:00Z", created)
		}
		meta.Created = t
	}
	return meta, true
}

func decodeNamespace(_ *reader, meta hierarchy.Meta, _ map[string]any) hierarchy.Object {
	if meta.Labels == nil {
		meta.Labels = make(map[string]string, 1)
	}
	meta.Labels[hierarchy.NamespaceNameLabel] = meta.Ref.Name
	namespace := &hierarchy.Namespace{}
	*namespace.Meta() = meta
	return namespace
}

func decodeReferenceGrant(r *reader, meta hierarchy.Meta, object map[string]any) hierarchy.Object {
	spec := r.object(object, "", "spec")
	grant := &hierarchy.ReferenceGrant{}
	*grant.Meta() = meta
	for from := range r.items(spec, "spec", "from") {
		grant.From = append(grant.From, hierarchy.GrantFrom{
			Group:     canonical(r.text(from.fields, from.path, "group", "")),
			Kind:      canonical(r.required(from.fields, from.path, "kind", "HTTPRoute")),
			Namespace: canonical(r.required(from.fields, from.path, "namespace", "shop")),
		})
	}
	for to := range r.items(spec, "spec", "to") {
		grant.To = append(grant.To, hierarchy.GrantTo{
			Group: canonical(r.text(to.fields, to.path, "group", "")),
			Kind:  canonical(r.required(to.fields, to.path, "kind", "Service")),
			Name:  r.text(to.fields, to.path, "name", ""),
		})
	}
	return grant
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
