package validate

import (
	"sync"

	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apiserver/pkg/cel/common"
)

// celSchema is a schema in the form that CEL rules need, prepared once: the API server's own
// adapter creates the map of properties again for every field that a rule selects, which was half
// of all allocations when a folder was read. It is safe for concurrent use.
type celSchema struct {
	*model.Structural
	items      *celSchema
	properties map[string]common.Schema
	entries    *celEntries
	whole      func() *celSchema // with apiVersion, kind and metadata, for whole objects
}

// celEntries is the part of the schema about the values of a map.
type celEntries struct {
	schema  *celSchema
	allowed bool
}

func newCELSchema(s *structural.Structural) *celSchema {
	c := &celSchema{Structural: &model.Structural{Structural: s}}
	if s.Items != nil {
		c.items = newCELSchema(s.Items)
	}
	if s.Properties != nil {
		c.properties = make(map[string]common.Schema, len(s.Properties))
		for name, property := range s.Properties {
			c.properties[name] = newCELSchema(&property)
		}
	}
	if entries := s.AdditionalProperties; entries != nil {
		c.entries = &celEntries{allowed: entries.Bool}
		if entries.Structural != nil {
			c.entries.schema = newCELSchema(entries.Structural)
		}
	}
	c.whole = sync.OnceValue(func() *celSchema { return newCELSchema(model.WithTypeAndObjectMeta(s)) })
	return c
}

// property is the schema of a field, nil when there is none.
func (c *celSchema) property(name string) *celSchema {
	p, _ := c.properties[name].(*celSchema)
	return p
}

// Items is the schema of the items of a list.
func (c *celSchema) Items() common.Schema {
	if c.items == nil {
		return nil // not an interface that holds nil
	}
	return c.items
}

// Properties are the schemas of the fields. Nobody changes the map.
func (c *celSchema) Properties() map[string]common.Schema { return c.properties }

// AdditionalProperties is the part of the schema about the values of a map.
func (c *celSchema) AdditionalProperties() common.SchemaOrBool {
	if c.entries == nil {
		return nil
	}
	return c.entries
}

// WithTypeAndObjectMeta is the schema with apiVersion, kind and metadata.
func (c *celSchema) WithTypeAndObjectMeta() common.Schema { return c.whole() }

// Schema is the schema of the values.
func (e *celEntries) Schema() common.Schema {
	if e.schema == nil {
		return nil
	}
	return e.schema
}

// Allows reports whether there may be values without a schema.
func (e *celEntries) Allows() bool { return e.allowed }
