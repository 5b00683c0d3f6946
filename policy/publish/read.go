package publish

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Read reads an EffectivePolicy back: what is in force for a target, as far as the object has it.
// It is nil when there is no object, when the object has no scopes, and when it belongs to an
// earlier object with the target's name. An object in the first form has to be converted first; see
// Upgraded.
func Read(s *policy.Snapshot, target hierarchy.Ref, object *unstructured.Unstructured) *effective.Target {
	if object == nil || !belongs(s, target, object) {
		return nil
	}
	scopes := publishedScopes(s, object)
	if len(scopes) == 0 {
		return nil
	}
	return effective.Restore(s, target, scopes)
}

// ReadNow is like Read, restricted to the current rules and listeners.
func ReadNow(s *policy.Snapshot, target hierarchy.Ref, object *unstructured.Unstructured) *effective.Target {
	if object == nil || !belongs(s, target, object) {
		return nil
	}
	rules := map[string]bool{}
	if owned, _ := s.Graph().Get(target); owned != nil {
		if route, isRoute := owned.(*hierarchy.Route); isRoute {
			for _, r := range route.RuleRefs() {
				rules[r.String()] = true
			}
		}
	}
	var now []effective.PublishedScope
	for _, scope := range publishedScopes(s, object) {
		scope.Rules.Rules = slices.DeleteFunc(scope.Rules.Rules, func(r hierarchy.RuleRef) bool { return !rules[r.String()] })
		scope.Parents = slices.DeleteFunc(scope.Parents, func(l *hierarchy.Listener) bool { return l.Class.IsZero() })
		if len(scope.Parents) > 0 && (scope.Rules.All || len(scope.Rules.Rules) > 0) {
			now = append(now, scope)
		}
	}
	if len(now) == 0 {
		return nil
	}
	return effective.Restore(s, target, now)
}

// publishedScopes reads the scopes of an EffectivePolicy.
func publishedScopes(s *policy.Snapshot, object *unstructured.Unstructured) []effective.PublishedScope {
	entries, _, _ := unstructured.NestedSlice(object.Object, "status", "scopes")
	scopes := make([]effective.PublishedScope, 0, len(entries))
	for _, entry := range objects(entries) {
		scopes = append(scopes, publishedScope(s, entry))
	}
	return scopes
}

// MarkFromAbove marks an EffectivePolicy that is the substitute for a withheld first result: it
// shows the result of the policies above the route. Without the mark, a restart would take it for
// an ordinary result.
func MarkFromAbove(object *unstructured.Unstructured, fromAbove bool) {
	if object != nil && fromAbove {
		_ = unstructured.SetNestedField(object.Object, true, "status", "fromAbove") // status is a map
	}
}

// FromAbove reports whether an EffectivePolicy has this mark.
func FromAbove(object *unstructured.Unstructured) bool {
	marked, _, _ := unstructured.NestedBool(object.Object, "status", "fromAbove")
	return marked
}

// Claims reports whether the owner of an EffectivePolicy is the object with a UID. No other object
// in a cluster is trusted: when a route is deleted with --cascade=orphan, the garbage collector
// removes the owner, and the remaining object says nothing about the next route of that name.
// Manifests have no UIDs.
func Claims(object *unstructured.Unstructured, uid string) bool {
	return uid == "" || slices.ContainsFunc(object.GetOwnerReferences(), func(o metav1.OwnerReference) bool { return string(o.UID) == uid })
}

// belongs reports whether an EffectivePolicy is about the existing object. One without owners was
// made here, and not read.
func belongs(s *policy.Snapshot, target hierarchy.Ref, object *unstructured.Unstructured) bool {
	owned, exists := s.Graph().Get(target)
	if !exists {
		return false
	}
	return len(object.GetOwnerReferences()) == 0 || Claims(object, owned.Meta().UID)
}

func publishedScope(s *policy.Snapshot, scope map[string]any) effective.PublishedScope {
	r := effective.PublishedScope{Values: map[string]map[string]any{}, Origins: map[string][]effective.Origin{}, Rules: ruleSet(scope["rules"])}
	for _, p := range objects(scope["parents"]) {
		r.Parents = append(r.Parents, listener(s, p))
	}
	values, _ := scope["effective"].(map[string]any)
	for kind, value := range values {
		r.Values[kind], _ = value.(map[string]any)
	}
	for _, o := range objects(scope["origins"]) {
		kind := word(o["policy"])
		r.Origins[kind] = append(r.Origins[kind], publishedOrigin(o))
	}
	return r
}

// publishedOrigin reads an origin that originOf wrote.
func publishedOrigin(origin map[string]any) effective.Origin {
	o := effective.Origin{
		Path: path(word(origin["field"])),
		Source: &policy.Source{
			From: refOf(origin["from"]), Target: refOf(origin["target"]), Level: level(origin["level"]), Block: block(origin["block"]),
		},
		Detail: &effective.Detail{ClampedBy: refOf(origin["clampedBy"]), Stated: origin["stated"]},
	}
	for _, b := range objects(origin["beat"]) {
		o.Beat = append(o.Beat, effective.Beaten{
			Source: &policy.Source{From: refOf(b["from"]), Level: level(b["level"]), Block: block(b["block"])},
			Value:  b["value"],
		})
	}
	return o
}

// objects returns the objects in a list.
func objects(v any) []map[string]any {
	list, _ := v.([]any)
	found := make([]map[string]any, 0, len(list))
	for _, entry := range list {
		if object, ok := entry.(map[string]any); ok {
			found = append(found, object)
		}
	}
	return found
}
