package statement

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// JSON is a value as text: equal values have equal texts.
func JSON(value any) string {
	text, _ := json.Marshal(value) // maps are written sorted, and all values are plain
	return string(text)
}

// ValueText is the value of a field as messages show it.
func ValueText(value any) string {
	switch v := value.(type) {
	case nil:
		return "not set"
	case string:
		return v
	case map[string]any, []any:
		text, _ := json.Marshal(v)
		return string(text)
	}
	return fmt.Sprint(value)
}

// FieldsText is a list of fields with their values, for messages.
func FieldsText(fields map[string]any) string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if text != "" {
			text += ", "
		}
		text += name + " " + ValueText(fields[name])
	}
	return text
}

// KindsText is FieldsText for several kinds.
func KindsText(w Wants) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(w)) {
		parts = append(parts, kind+" "+FieldsText(w[kind]))
	}
	return strings.Join(parts, "; ")
}
