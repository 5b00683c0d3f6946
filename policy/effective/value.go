package effective

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// appendValue writes a value, the same for all that read the same.
func appendValue(b []byte, value any) []byte {
	b = append(b, '=')
	switch v := value.(type) {
	case string:
		return append(append(b, '"'), v...)
	case int64:
		return strconv.AppendInt(b, v, 10)
	}
	out, _ := json.Marshal(value)
	return append(b, out...)
}

// sameValue says whether two values read the same.
func sameValue(a, b any) bool {
	switch x := a.(type) {
	case string:
		if y, isText := b.(string); isText {
			return x == y
		}
	case int64:
		if y, isInteger := b.(int64); isInteger {
			return x == y
		}
	case []any:
		if y, isList := b.([]any); isList {
			return slices.EqualFunc(x, y, sameValue)
		}
	}
	return string(appendValue(nil, a)) == string(appendValue(nil, b))
}

// equalValue says whether two values are the same, types included.
func equalValue(a, b any) bool {
	switch x := a.(type) {
	case string:
		y, isText := b.(string)
		return isText && x == y
	case int64:
		y, isInteger := b.(int64)
		return isInteger && x == y
	}
	return reflect.DeepEqual(a, b)
}

// appendTyped writes a value, different for all that are different, types included.
func appendTyped(b []byte, value any) []byte {
	text := func(b []byte, s string) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	switch v := value.(type) {
	case string:
		return text(append(b, 's'), v)
	case int64:
		return binary.AppendVarint(append(b, 'i'), v)
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
	case []any:
		b = binary.AppendUvarint(append(b, 'l'), uint64(len(v)))
		for _, item := range v {
			b = appendTyped(b, item)
		}
		return b
	case map[string]any:
		b = binary.AppendUvarint(append(b, 'm'), uint64(len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b = appendTyped(text(b, key), v[key])
		}
		return b
	}
	return text(append(b, 'x'), fmt.Sprintf("%T %v", value, value))
}

// nearest is what a value states at a path, or at the nearest place above it.
func nearest(value any, path []string) any {
	for _, key := range path {
		object, isObject := value.(map[string]any)
		if !isObject {
			break
		}
		value = object[key]
	}
	return value
}

// valueAt is what an object states at a path.
func valueAt(object map[string]any, path []string) (any, bool) {
	var value any = object
	for _, key := range path {
		inner, isObject := value.(map[string]any)
		if !isObject {
			return nil, false
		}
		var present bool
		if value, present = inner[key]; !present {
			return nil, false
		}
	}
	return value, true
}

// put sets what is at a path. It changes the object, which belongs to the
// caller.
func put(object map[string]any, path []string, value any) {
	for _, key := range path[:len(path)-1] {
		inner, isObject := object[key].(map[string]any)
		if !isObject {
			inner = map[string]any{}
			object[key] = inner
		}
		object = inner
	}
	object[path[len(path)-1]] = value
}

// startsWith says whether a path leads to or through another.
func startsWith(path, prefix []string) bool {
	return len(prefix) <= len(path) && slices.Equal(path[:len(prefix)], prefix)
}
