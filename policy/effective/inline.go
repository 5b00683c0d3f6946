package effective

import (
	"encoding/json"
	"strconv"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// inlineValue is what a rule itself states in the fields that a policy kind
// maps (semantics section 5), in the policy's own field names; nil when
// nothing.
func inlineValue(kind *policy.Kind, route schema.GroupKind, rule *hierarchy.Rule) map[string]any {
	var value map[string]any
	for _, source := range kind.InlineFields(route) {
		v, stated := at(rule.Inline, source.Path)
		if !stated || v == nil {
			continue
		}
		if source.AsString {
			v = asString(v)
		}
		if value == nil {
			value = map[string]any{}
		}
		put(value, source.Field, v)
	}
	return value
}

// put sets a value at a path, and makes the objects on the way to it.
func put(object map[string]any, path []string, v any) {
	for _, key := range path[:len(path)-1] {
		inner, isObject := object[key].(map[string]any)
		if !isObject {
			inner = map[string]any{}
			object[key] = inner
		}
		object = inner
	}
	object[path[len(path)-1]] = v
}

func at(object map[string]any, path []string) (any, bool) {
	v, stated := object[path[0]]
	for _, key := range path[1:] {
		inner, isObject := v.(map[string]any)
		if !isObject {
			return nil, false
		}
		v, stated = inner[key]
	}
	return v, stated
}

// asString turns numbers, also those in a list, into text.
func asString(v any) any {
	switch x := v.(type) {
	case []any:
		list := make([]any, len(x))
		for i := range x {
			list[i] = asString(x[i])
		}
		return list
	case int64:
		return strconv.FormatInt(x, 10)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case json.Number:
		return x.String()
	}
	return v
}
