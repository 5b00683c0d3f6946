package terminal

// Runs splits a list into runs of items with the same key.
func Runs[T any](list []T, key func(T) string) [][]T {
	var parts [][]T
	for i, item := range list {
		if n := len(parts); i > 0 && key(item) == key(list[i-1]) {
			parts[n-1] = append(parts[n-1], item)
			continue
		}
		parts = append(parts, []T{item})
	}
	return parts
}
