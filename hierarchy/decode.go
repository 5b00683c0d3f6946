package hierarchy

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// namespaceNameLabel is on every Namespace of a cluster (R15).
const namespaceNameLabel = "kubernetes.io/metadata.name"

// Decode reads one object of any served version. It returns nil and no
// problems for a kind that is not part of the hierarchy. isRoute says which
// kinds besides Gateway API's own are routes; nil means none.
//
// Decode applies the defaults of the CRDs itself (R3, R12, R19, R54), for a
// manifest has not met an API server. It does not default metadata.namespace:
// only whoever read the manifest knows which namespace is current. An object
// with problems is returned as far as it could be read, and nil only when it
// has no name. Nothing of u is kept or changed.
func Decode(u *unstructured.Unstructured, isRoute func(schema.GroupKind) bool) (Object, []Problem) {
	if u == nil {
		return nil, nil
	}
	gk := u.GroupVersionKind().GroupKind()
	decode := decoderOf(gk, isRoute)
	if decode == nil {
		return nil, nil
	}
	r := &reader{ref: NewRef(canonical(gk.Group), canonical(gk.Kind), "", "")}
	meta, ok := r.meta(u.Object)
	if !ok {
		return nil, r.problems
	}
	object := decode(r, meta, u.Object)
	return object, r.problems
}

// decoder reads an object whose metadata has been read.
type decoder func(r *reader, meta Meta, object map[string]any) Object

func decoderOf(gk schema.GroupKind, isRoute func(schema.GroupKind) bool) decoder {
	switch gk {
	case GatewayClassKind:
		return decodeGatewayClass
	case GatewayKind:
		return decodeGateway
	case ListenerSetKind:
		return decodeListenerSet
	case ReferenceGrantKind:
		return decodeReferenceGrant
	case NamespaceKind:
		return decodeNamespace
	}
	if IsStandardRoute(gk) || isRoute != nil && isRoute(gk) {
		return decodeRoute
	}
	return nil
}

// meta reads the metadata, and completes the reader's own Ref for problems.
func (r *reader) meta(object map[string]any) (Meta, bool) {
	metadata := r.object(object, "", "metadata")
	name := r.text(metadata, "metadata", "name", "")
	r.ref.Namespace = canonical(r.text(metadata, "metadata", "namespace", ""))
	r.ref.Name = name
	if name == "" {
		if len(r.problems) == 0 {
			r.problem("metadata.name", "is missing; an object without a name cannot be referred to")
		}
		return Meta{}, false
	}
	meta := Meta{
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

func decodeNamespace(_ *reader, meta Meta, _ map[string]any) Object {
	if meta.Labels == nil {
		meta.Labels = make(map[string]string, 1)
	}
	meta.Labels[namespaceNameLabel] = meta.Ref.Name
	return &Namespace{meta: meta}
}

func decodeReferenceGrant(r *reader, meta Meta, object map[string]any) Object {
	spec := r.object(object, "", "spec")
	grant := &ReferenceGrant{meta: meta}
	for from := range r.items(spec, "spec", "from") {
		grant.From = append(grant.From, GrantFrom{
			Group:     canonical(r.text(from.fields, from.path, "group", "")),
			Kind:      canonical(r.required(from.fields, from.path, "kind", "HTTPRoute")),
			Namespace: canonical(r.required(from.fields, from.path, "namespace", "shop")),
		})
	}
	for to := range r.items(spec, "spec", "to") {
		grant.To = append(grant.To, GrantTo{
			Group: canonical(r.text(to.fields, to.path, "group", "")),
			Kind:  canonical(r.required(to.fields, to.path, "kind", "Service")),
			Name:  r.text(to.fields, to.path, "name", ""),
		})
	}
	return grant
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
