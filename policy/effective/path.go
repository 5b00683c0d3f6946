package effective

import "slices"

// nearest returns what a value states at a path, or at the nearest path above it.
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

// valueAt returns the value of an object at a path.
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

// put sets the value at a path. It changes the object, which belongs to the caller.
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

// remove deletes the value at a path, and the objects that become empty.
func remove(object map[string]any, path []string) {
	if len(path) > 1 {
		inner, isObject := object[path[0]].(map[string]any)
		if !isObject {
			return
		}
		if remove(inner, path[1:]); len(inner) > 0 {
			return
		}
	}
	delete(object, path[0])
}

// startsWith reports whether a path begins with another.
func startsWith(path, prefix []string) bool {
	return len(prefix) <= len(path) && slices.Equal(path[:len(prefix)], prefix)
}
