package crd

import "maps"

// Schema is the schema of a value: one node of spec.versions[].schema.openAPIV3Schema. The zero
// Schema knows nothing and permits everything.
type Schema struct{ node map[string]any }

// Known reports whether there is a schema.
func (s Schema) Known() bool { return s.node != nil }

// Field returns the schema of a field, if the schema declares it by name.
func (s Schema) Field(name string) (Schema, bool) {
	properties, _ := s.node["properties"].(map[string]any)
	field, ok := properties[name].(map[string]any)
	return Schema{field}, ok
}

// Fields are the names that the schema declares.
func (s Schema) Fields() []string {
	properties, _ := s.node["properties"].(map[string]any)
	return sortedKeys(properties)
}

// Type returns the JSON type of the value, empty when the schema does not say.
func (s Schema) Type() string {
	text, _ := s.node["type"].(string)
	return text
}

// Default returns the default value that the API server fills in, nil when there is none.
func (s Schema) Default() any { return s.node["default"] }

// Raw returns the node as it is in the CRD. It must not be changed.
func (s Schema) Raw() map[string]any { return s.node }

// Has reports whether a value of the schema can have a value at a path. Where the schema accepts
// any key, it accepts every path.
func (s Schema) Has(path Path) bool {
	if s.open() || len(path) == 0 {
		return true
	}
	if path[0] != Any {
		field, ok := s.Field(path[0])
		return ok && field.Has(path[1:])
	}
	properties, _ := s.node["properties"].(map[string]any)
	for name := range maps.Keys(properties) {
		if field, ok := s.Field(name); ok && field.Has(path[1:]) {
			return true
		}
	}
	return false
}

// open reports whether a value may have any key.
func (s Schema) open() bool {
	if s.node == nil || s.node["x-kubernetes-preserve-unknown-fields"] == true {
		return true
	}
	switch more := s.node["additionalProperties"].(type) {
	case map[string]any:
		return true
	case bool:
		return more
	}
	return false
}
