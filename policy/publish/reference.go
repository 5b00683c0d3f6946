package publish

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/merge"
)

// reference returns an object or a section of it, as written in results.
func reference(ref hierarchy.Ref) map[string]any {
	r := map[string]any{"group": ref.GroupKind.Group, "kind": ref.Kind, "name": ref.Name}
	if ref.Namespace != "" {
		r["namespace"] = ref.Namespace
	}
	// A rule without a name has a Section that is only for display, and cannot be a name.
	if ref.Section != "" && !strings.Contains(ref.Section, "[") {
		r["sectionName"] = ref.Section
	}
	return r
}

// refOf reads a reference; the zero Ref if it is invalid.
func refOf(v any) hierarchy.Ref {
	r, isObject := v.(map[string]any)
	if !isObject {
		return hierarchy.Ref{}
	}
	return hierarchy.NewRef(word(r["group"]), word(r["kind"]), word(r["namespace"]), word(r["name"])).WithSection(word(r["sectionName"]))
}

// place returns the name of an object whose kind is known.
func place(ref hierarchy.Ref) map[string]any {
	return map[string]any{"namespace": ref.Namespace, "name": ref.Name}
}

// Parent returns a listener as written in scopes.
func Parent(l *hierarchy.Listener) map[string]any {
	p := map[string]any{"gateway": place(l.Gateway), "listener": l.Ref.Section}
	if !l.ListenerSet.IsZero() {
		p["listenerSet"] = place(l.ListenerSet)
	}
	return p
}

// listener finds a listener by the result of Parent; one that no longer exists keeps its name.
func listener(s *policy.Snapshot, parent map[string]any) *hierarchy.Listener {
	named := func(key string) (namespace, name string) {
		r, _ := parent[key].(map[string]any)
		return word(r["namespace"]), word(r["name"])
	}
	gateway := hierarchy.GatewayRef(named("gateway"))
	l := &hierarchy.Listener{Gateway: gateway, Ref: gateway.WithSection(word(parent["listener"]))}
	if _, inSet := parent["listenerSet"]; inSet {
		l.ListenerSet = hierarchy.ListenerSetRef(named("listenerSet"))
		l.Ref = l.ListenerSet.WithSection(word(parent["listener"]))
	}
	for _, o := range s.Graph().Listeners(gateway) {
		if o.Ref == l.Ref {
			return o
		}
	}
	return l
}

// rulesOf returns rules by their index; nil for all.
func rulesOf(set hierarchy.RuleSet) []any {
	if set.All {
		return nil
	}
	list := make([]any, len(set.Rules))
	for i, r := range set.Rules {
		rule := map[string]any{"index": int64(r.Index)}
		if r.Name != "" {
			rule["name"] = r.Name
		}
		list[i] = rule
	}
	return list
}

// ruleSet reads rulesOf back.
func ruleSet(v any) hierarchy.RuleSet {
	list, present := v.([]any)
	if !present {
		return hierarchy.AllRules()
	}
	set := hierarchy.RuleSet{}
	for _, entry := range list {
		rule, _ := entry.(map[string]any)
		set.Rules = append(set.Rules, hierarchy.RuleRef{Index: int(number(rule["index"])), Name: word(rule["name"])})
	}
	return set
}

// path reads a field of a result; the text itself if it is not a path.
func path(field string) crd.Path {
	p, err := crd.ParsePath(field)
	if err != nil {
		return crd.Path{field}
	}
	return p
}

// block reads a block by its name.
func block(v any) merge.Block {
	for _, b := range []merge.Block{merge.Default, merge.Override, merge.Inline, merge.Bound} {
		if b.String() == v {
			return b
		}
	}
	return merge.Default
}

// level reads a level by its name.
func level(v any) hierarchy.Level {
	for l := range hierarchy.Levels {
		if l.String() == v {
			return l
		}
	}
	return 0
}

// word returns a text, empty when the value is not one.
func word(v any) string {
	s, _ := v.(string)
	return s
}

// number returns a whole number, 0 when the value is not one.
func number(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

// copied returns a copy of a value that may be put into an object.
func copied(v any) any { return runtime.DeepCopyJSONValue(v) }
