package validate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/utils/lru"
)

// parts is a schema divided into parts, so that equal parts of objects are validated once: rules,
// matches and references of routes are often repeated. The cache only records that a part is valid,
// and what its CEL rules cost. An object with an invalid part is validated as a whole, so that the
// errors are those of an API server.
type parts struct {
	root *part
	fine *lru.Cache // the cost of valid parts, by the digest of part and value
}

// part is a node of a schema.
type part struct {
	id      uint32
	openapi validation.SchemaCreateValidator // at the root and at items of lists; without what is in items below
	rules   *rules                           // the CEL rules of the node itself, nil without any
	fields  map[string]*part
	items   *part
	entries *part // the values of a map
}

// newParts divides a schema into parts, and compiles its CEL rules. object means that it is the
// schema of whole objects.
func newParts(props *apiextensions.JSONSchemaProps, s *structural.Structural, object bool) (*parts, error) {
	d := dissection{}
	root, err := d.segment(props, ruledRoot(s, object))
	if err != nil {
		return nil, err
	}
	return &parts{root: root, fine: lru.New(remembered)}, nil
}

// dissection counts the nodes of a schema while it is divided.
type dissection struct{ nodes uint32 }

// segment makes the part of a schema that has an OpenAPI validator of its own.
func (d *dissection) segment(props *apiextensions.JSONSchemaProps, at ruled) (*part, error) {
	props = props.DeepCopy()
	p, err := d.part(props, at)
	if err != nil {
		return nil, err
	}
	p.openapi, _, err = validation.NewSchemaValidator(props)
	return p, err
}

// part makes the part of one node. It removes from its schema what the parts of items have.
func (d *dissection) part(props *apiextensions.JSONSchemaProps, at ruled) (*part, error) {
	d.nodes++
	p := &part{id: d.nodes, fields: map[string]*part{}, rules: at.compile()}
	var err error
	for _, name := range slices.Sorted(maps.Keys(props.Properties)) {
		property := props.Properties[name]
		if p.fields[name], err = d.part(&property, at.property(name)); err != nil {
			return nil, err
		}
		props.Properties[name] = property
	}
	if entries := props.AdditionalProperties; entries != nil && entries.Schema != nil {
		if p.entries, err = d.part(entries.Schema, at.entries()); err != nil {
			return nil, err
		}
	}
	if props.Items == nil || props.Items.Schema == nil {
		return p, nil
	}
	items := props.Items.Schema
	if items.Type == "object" && !items.Nullable && !items.XEmbeddedResource && items.XPreserveUnknownFields == nil {
		p.items, err = d.segment(items, at.items())
		preserve := true
		props.Items.Schema = &apiextensions.JSONSchemaProps{Type: items.Type, XPreserveUnknownFields: &preserve}
		return p, err
	}
	p.items, err = d.part(items, at.items())
	return p, err
}

// areFine reports whether an object is valid by the schema and its CEL rules, within the cost that
// an API server allows for the rules of one object.
func (p *parts) areFine(ctx context.Context, object map[string]any) bool {
	cost, fine := p.cost(ctx, p.root, object)
	return fine && cost < celconfig.RuntimeCELCostBudget
}

// cost returns the cost of the CEL rules at a node and below it, and whether the value is valid.
// The root is evaluated again for each object, because it contains the name.
func (p *parts) cost(ctx context.Context, n *part, value any) (cost int64, fine bool) {
	if n == nil {
		return 0, true
	}
	keep := n != p.root && value != nil && (n.rules != nil || n.openapi != nil)
	var key [sha256.Size]byte
	if keep {
		key = sha256.Sum256(appendValue(binary.BigEndian.AppendUint32(make([]byte, 0, 512), n.id), value))
		if known, ok := p.fine.Get(key); ok {
			return known.(int64), true
		}
	}
	if n.openapi != nil && !n.openapi.Validate(value).IsValid() {
		return 0, false
	}
	if n.rules != nil && value != nil {
		if cost, fine = n.rules.kept(ctx, value); !fine {
			return 0, false
		}
	}
	below, fine := p.below(ctx, n, value)
	cost += below
	if fine && keep {
		p.fine.Add(key, cost)
	}
	return cost, fine
}

// below returns the cost of the rules below a node.
func (p *parts) below(ctx context.Context, n *part, value any) (cost int64, fine bool) {
	fine = true
	add := func(below *part, value any) {
		if fine {
			var more int64
			more, fine = p.cost(ctx, below, value)
			cost += more
		}
	}
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			add(n.items, item)
		}
	case map[string]any:
		for name, entry := range value {
			add(n.entries, entry)
			add(n.fields[name], entry)
		}
	}
	return cost, fine
}

// appendValue writes a JSON value so that different values are written differently.
func appendValue(to []byte, value any) []byte {
	text := func(s string) {
		to = binary.AppendUvarint(to, uint64(len(s)))
		to = append(to, s...)
	}
	switch v := value.(type) {
	case nil:
		to = append(to, 'n')
	case bool:
		to = append(to, 'b', map[bool]byte{true: 1}[v])
	case string:
		to = append(to, 's')
		text(v)
	case int64:
		to = binary.BigEndian.AppendUint64(append(to, 'i'), uint64(v))
	case float64:
		to = binary.BigEndian.AppendUint64(append(to, 'f'), math.Float64bits(v))
	case []any:
		to = binary.AppendUvarint(append(to, 'l'), uint64(len(v)))
		for _, item := range v {
			to = appendValue(to, item)
		}
	case map[string]any:
		to = binary.AppendUvarint(append(to, 'm'), uint64(len(v)))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			text(name)
			to = appendValue(to, v[name])
		}
	default:
		to = append(to, 'x')
		text(fmt.Sprintf("%T %v", v, v))
	}
	return to
}
