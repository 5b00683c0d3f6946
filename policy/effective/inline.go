package effective

import (
	"encoding/json"
	"strconv"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// inlineValue returns what a rule itself states in the fields that a policy kind maps (semantics
// section 5), in the policy's own field names; nil when it states nothing.
func inlineValue(kind *policy.Kind, route schema.GroupKind, rule *hierarchy.Rule) map[string]any {
	var value map[string]any
	for _, field := range kind.InlineFields(route) {
		v, stated := valueAt(rule.Inline, field.Path)
		if !stated || v == nil {
			continue
		}
		if field.AsString {
			v = asString(v)
		}
		if value == nil {
			value = map[string]any{}
		}
		put(value, field.Field, v)
	}
	return value
}

// asString turns numbers into text, including those in a list.
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
