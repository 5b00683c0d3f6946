package publish

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// What was published in the first form, in which references are texts ("TimeoutPolicy infra/edge"),
// is read for one release, so that an upgrade loses nothing. This file will be removed after that
// release.

// FirstForm reports whether an EffectivePolicy is in the first form.
func FirstForm(u *unstructured.Unstructured) bool {
	if u == nil {
		return false
	}
	scopes, _, _ := unstructured.NestedSlice(u.Object, "status", "scopes")
	for _, scope := range objects(scopes) {
		for _, parent := range objects(scope["parents"]) {
			_, isText := parent["gateway"].(string)
			return isText
		}
	}
	return false
}

// Upgraded converts an EffectivePolicy of a target from the first form to the second one. Levels
// and values that the first form does not have are left out. An object in the second form is
// returned as it is.
func Upgraded(s *policy.Snapshot, target hierarchy.Ref, u *unstructured.Unstructured) *unstructured.Unstructured {
	if !FirstForm(u) {
		return u
	}
	f := firstForm{s: s, target: target}
	if object, exists := s.Graph().Get(target); exists {
		if route, isRoute := object.(*hierarchy.Route); isRoute {
			f.rules = route.RuleRefs()
		}
	}
	old, _, _ := unstructured.NestedSlice(u.Object, "status", "scopes")
	scopes, short := []any{}, []any{}
	for _, scope := range objects(old) {
		entry := f.scope(scope)
		scopes = append(scopes, entry)
		brief := map[string]any{"parents": entry["parents"], "effective": entry["effective"]}
		if rules, some := entry["rules"]; some {
			brief["rules"] = rules
		}
		short = append(short, brief)
	}
	object := Bare(target)
	object.SetOwnerReferences(u.GetOwnerReferences())
	object.SetManagedFields(u.GetManagedFields())
	status := map[string]any{"digest": digest(short), "scopes": scopes}
	if generation, there, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration"); there {
		status["observedGeneration"] = generation
	}
	status["summary"] = map[string]any{"target": target.Kind + "/" + target.Name, "scopes": int64(len(scopes))}
	for key, value := range texts(u, "status", "summary") {
		if key == "timeout" || key == "retries" || key == "rate" {
			status["summary"].(map[string]any)[key] = value
		}
	}
	object.Object["status"] = status
	return object
}

func texts(u *unstructured.Unstructured, fields ...string) map[string]string {
	found, _, _ := unstructured.NestedMap(u.Object, fields...)
	list := map[string]string{}
	for key, value := range found {
		if text, isText := value.(string); isText {
			list[key] = text
		}
	}
	return list
}

// firstForm reads the texts of the first form.
type firstForm struct {
	s      *policy.Snapshot
	target hierarchy.Ref
	rules  []hierarchy.RuleRef
}

func (f firstForm) scope(old map[string]any) map[string]any {
	scope := map[string]any{"effective": old["effective"], "notSet": []any{}, "notApplicable": []any{}, "invalid": []any{}}
	parents := []any{}
	for _, p := range objects(old["parents"]) {
		parent := map[string]any{"gateway": placeIn(p["gateway"]), "listener": word(p["listener"])}
		if set, inSet := p["listenerSet"]; inSet {
			parent["listenerSet"] = placeIn(set)
		}
		parents = append(parents, parent)
	}
	scope["parents"] = parents
	if rules := f.ruleList(old["rules"]); rules != nil {
		scope["rules"] = rules
	}
	origins := []any{}
	for _, o := range objects(old["origins"]) {
		origins = append(origins, f.origin(o))
	}
	scope["origins"] = origins
	for _, text := range list(old["invalid"]) {
		kind, message, _ := strings.Cut(text, ": ")
		scope["invalid"] = append(scope["invalid"].([]any), map[string]any{"policy": kind, "message": message})
	}
	return scope
}

func placeIn(v any) map[string]any {
	namespace, name, _ := strings.Cut(word(v), "/")
	return map[string]any{"namespace": namespace, "name": name}
}

// ruleList finds the rules by name, or by the number in "rules[2]"; nil for all. A rule that no
// longer exists keeps its name, with an index that no rule has.
func (f firstForm) ruleList(v any) []any {
	names := list(v)
	if len(names) == 0 || names[0] == "*" {
		return nil
	}
	set := hierarchy.RuleSet{}
	for _, name := range names {
		rule := hierarchy.RuleRef{Index: len(f.rules), Name: name}
		if number, unnamed := strings.CutPrefix(name, "rules["); unnamed {
			index, _ := strconv.Atoi(strings.TrimSuffix(number, "]"))
			rule = hierarchy.RuleRef{Index: index}
		}
		for _, r := range f.rules {
			if r.Name == name {
				rule = r
			}
		}
		set.Rules = append(set.Rules, rule)
	}
	return rulesOf(set)
}

func (f firstForm) origin(old map[string]any) map[string]any {
	kind := word(old["policy"])
	origin := map[string]any{
		"policy": kind, "field": word(old["field"]), "block": word(old["block"]), "from": reference(f.ref(kind, word(old["from"]))),
	}
	if target := word(old["target"]); target != "" {
		ref := f.onHierarchy(target)
		origin["target"], origin["level"] = reference(ref), f.level(ref)
	}
	beat := []any{}
	for _, text := range list(old["beat"]) {
		from, block, _ := strings.Cut(strings.TrimSuffix(text, ")"), " (")
		beat = append(beat, map[string]any{"block": block, "from": reference(f.ref(kind, from))})
	}
	origin["beat"] = beat
	if by := word(old["clampedBy"]); by != "" {
		origin["clampedBy"] = reference(f.ref(kind, by))
	}
	return origin
}

// ref reads "TimeoutPolicy infra/edge". Texts name kinds without a group: it is
// that of the policy kind, or of the target.
func (f firstForm) ref(kind, words string) hierarchy.Ref {
	name, place, _ := strings.Cut(words, " ")
	namespace, object, _ := strings.Cut(place, "/")
	for _, k := range f.s.Kinds() {
		if k.Name() == kind && k.GroupKind.Kind == name {
			return hierarchy.NewRef(k.Group(), name, namespace, object)
		}
	}
	return hierarchy.NewRef(f.target.GroupKind.Group, name, namespace, object)
}

// onHierarchy reads "GatewayClass edge" or "HTTPRoute shop/checkout#pay".
func (f firstForm) onHierarchy(words string) hierarchy.Ref {
	kind, place, _ := strings.Cut(words, " ")
	place, section, _ := strings.Cut(place, "#")
	group := hierarchy.Group
	if kind == f.target.Kind {
		group = f.target.GroupKind.Group
	}
	namespace, name, inNamespace := strings.Cut(place, "/")
	if !inNamespace {
		namespace, name = "", place
	}
	return hierarchy.NewRef(group, kind, namespace, name).WithSection(section)
}

func (f firstForm) level(ref hierarchy.Ref) string {
	at := map[string]hierarchy.Level{
		hierarchy.GatewayClassKind.Kind: hierarchy.GatewayClassLevel, hierarchy.GatewayKind.Kind: hierarchy.GatewayLevel,
		hierarchy.ListenerSetKind.Kind: hierarchy.ListenerSetLevel,
	}
	level, above := at[ref.Kind]
	switch {
	case above && ref.Section != "":
		level = hierarchy.ListenerLevel
	case !above && ref.Section != "":
		level = hierarchy.RouteRuleLevel
	case !above:
		level = hierarchy.RouteLevel
	}
	return level.String()
}

// list returns the texts in a list.
func list(v any) []string {
	entries, _ := v.([]any)
	var texts []string
	for _, entry := range entries {
		texts = append(texts, word(entry))
	}
	return texts
}
