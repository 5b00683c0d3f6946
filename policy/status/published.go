package status

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/merge"
)

// Published reads an EffectivePolicy back: what is in force for a target, as far
// as the object says it. It is nil when there is no object, when it says
// nothing, and when it belongs to an earlier object of the target's name.
func Published(s *policy.Snapshot, target hierarchy.Ref, object *unstructured.Unstructured) *effective.Target {
	if object == nil || !belongs(s, target, object) {
		return nil
	}
	entries, _, _ := unstructured.NestedSlice(object.Object, "status", "scopes")
	scopes := make([]effective.PublishedScope, 0, len(entries))
	for _, entry := range entries {
		if entry, ok := entry.(map[string]any); ok {
			scopes = append(scopes, remembered(s, target, entry))
		}
	}
	if len(scopes) == 0 {
		return nil
	}
	return effective.Restore(s, target, scopes)
}

// belongs says whether an EffectivePolicy is about the very object that exists.
func belongs(s *policy.Snapshot, target hierarchy.Ref, object *unstructured.Unstructured) bool {
	owned, exists := s.Graph().Get(target)
	if !exists {
		return false
	}
	owners, uid := object.GetOwnerReferences(), types.UID(owned.Meta().UID)
	return len(owners) == 0 || uid == "" || slices.ContainsFunc(owners, func(o metav1.OwnerReference) bool { return o.UID == uid })
}

func remembered(s *policy.Snapshot, target hierarchy.Ref, scope map[string]any) effective.PublishedScope {
	r := effective.PublishedScope{Values: map[string]map[string]any{}, Origins: map[string][]effective.Origin{}}
	parents, _, _ := unstructured.NestedSlice(scope, "parents")
	for _, p := range parents {
		if p, ok := p.(map[string]any); ok {
			r.Parents = append(r.Parents, listener(s, p))
		}
	}
	r.Rules, _, _ = unstructured.NestedStringSlice(scope, "rules")
	values, _, _ := unstructured.NestedMap(scope, "effective")
	for kind, value := range values {
		r.Values[kind], _ = value.(map[string]any)
	}
	origins, _, _ := unstructured.NestedSlice(scope, "origins")
	for _, o := range origins {
		if o, ok := o.(map[string]any); ok {
			kind := word(o["policy"])
			r.Origins[kind] = append(r.Origins[kind], rememberedOrigin(s, target, kind, o))
		}
	}
	return r
}

// listener finds a listener by what Parent says of it; one that is gone keeps
// its name.
func listener(s *policy.Snapshot, parent map[string]any) *hierarchy.Listener {
	place := func(key string) (namespace, name string) {
		namespace, name, _ = strings.Cut(word(parent[key]), "/")
		return namespace, name
	}
	gateway := hierarchy.GatewayRef(place("gateway"))
	l := &hierarchy.Listener{Gateway: gateway, Ref: gateway.WithSection(word(parent["listener"]))}
	if _, inSet := parent["listenerSet"]; inSet {
		l.ListenerSet = hierarchy.ListenerSetRef(place("listenerSet"))
		l.Ref = l.ListenerSet.WithSection(word(parent["listener"]))
	}
	for _, o := range s.Graph().Listeners(gateway) {
		if o.Ref == l.Ref {
			return o
		}
	}
	return l
}

// rememberedOrigin reads what originOf wrote. Texts name kinds without a group:
// it is that of the policy kind, or of the route.
func rememberedOrigin(s *policy.Snapshot, target hierarchy.Ref, kind string, origin map[string]any) effective.Origin {
	o := effective.Origin{Field: word(origin["field"]), From: refNamed(s, target, kind, word(origin["from"])), Target: target}
	for _, block := range []merge.Block{merge.Default, merge.Override, merge.Inline, merge.Bound} {
		if block.String() == origin["block"] {
			o.Block = block
		}
	}
	if by := word(origin["clampedBy"]); by != "" {
		o.ClampedBy = refNamed(s, target, kind, by)
	}
	return o
}

func refNamed(s *policy.Snapshot, target hierarchy.Ref, kind, words string) hierarchy.Ref {
	name, place, _ := strings.Cut(words, " ")
	namespace, object, _ := strings.Cut(place, "/")
	for _, k := range s.Kinds() {
		if k.Name() == kind && k.GroupKind.Kind == name {
			return hierarchy.NewRef(k.Group(), name, namespace, object)
		}
	}
	return hierarchy.NewRef(target.GroupKind.Group, name, namespace, object)
}

// word is a text, empty when it is none.
func word(v any) string {
	s, _ := v.(string)
	return s
}

// PublishedAnnotation is the annotation that goes with an EffectivePolicy; false
// when there is no object and so there must be none.
func PublishedAnnotation(object *unstructured.Unstructured) (string, bool) {
	if object == nil {
		return "", false
	}
	entries, _, _ := unstructured.NestedSlice(object.Object, "status", "scopes")
	scopes := make([]any, 0, len(entries))
	for _, entry := range entries {
		if entry, ok := entry.(map[string]any); ok {
			scopes = append(scopes, map[string]any{"parents": entry["parents"], "rules": entry["rules"], "effective": entry["effective"]})
		}
	}
	digest, _, _ := unstructured.NestedString(object.Object, "status", "digest")
	return annotationText(digest, scopes, object.GetName()), digest != ""
}
