package field

import (
	"encoding/json"
	"maps"
	"slices"
)

// Words returns the texts of a list, each once, sorted.
func Words(list []any) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, Text(v))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// EqualJSON reports whether two values are the same JSON.
func EqualJSON(a, b any) bool {
	switch x := a.(type) {
	case string:
		if y, also := b.(string); also {
			return x == y
		}
	case int64:
		if y, also := b.(int64); also {
			return x == y
		}
	case map[string]any:
		if y, also := b.(map[string]any); also {
			return (x == nil) == (y == nil) && maps.EqualFunc(x, y, EqualJSON)
		}
	case []any:
		if y, also := b.([]any); also {
			return (x == nil) == (y == nil) && slices.EqualFunc(x, y, EqualJSON)
		}
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// Anys returns a list as it is in an unstructured object.
func Anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
