package export

import (
	"encoding/json"
	"slices"
)

// words returns the texts of a list, each once, sorted.
func words(list []any) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, text(v))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// equalJSON reports whether two values are the same JSON.
func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// anys returns a list as it is in an unstructured object.
func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
