package validate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
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
	// settled are parts as an API server would store them, by the same digest of what was given.
	settled *lru.Cache
	// embedded means that an object may hold other whole objects.
	embedded bool
}

// part is a node of a schema.
type part struct {
	id uint32
	// shape is what the schema says of a value here. Where it says more than a shape holds, whole is
	// the API server's validator of the value with everything in it. Below such a node both are nil.
	shape   *shape
	whole   func() validation.SchemaCreateValidator
	rules   func() *rules          // the CEL rules of the node itself, nil without any
	unique  *structural.Structural // of an object with such a list, where its items must differ
	fields  map[string]*part
	items   *part
	entries *part // the values of a map
	filling filling
}

// newParts divides a schema into parts. Its CEL rules are compiled when the first value
// is there to check, since most objects use few of the fields that have rules. object means that it
// is the schema of whole objects.
func newParts(props *apiextensions.JSONSchemaProps, s *structural.Structural, object bool) *parts {
	d := dissection{}
	root := d.part(props, s, ruledRoot(s, object), false)
	return &parts{root: root, fine: lru.New(remembered), settled: lru.New(remembered), embedded: d.embedded}
}

// dissection counts the nodes of a schema while it is divided.
type dissection struct {
	nodes    uint32
	embedded bool
}

// part makes the part of one node. asked means that the API server's validator checks something
// around it, and this with it.
func (d *dissection) part(props *apiextensions.JSONSchemaProps, s *structural.Structural, at ruled, asked bool) *part {
	d.nodes++
	p := &part{id: d.nodes, fields: map[string]*part{}, rules: at.rules(), filling: fillingOf(s), unique: uniqueOf(s)}
	d.embedded = d.embedded || p.filling.embedded
	if shape, understood := shapeOf(props); !asked && understood {
		p.shape = shape
	} else if !asked {
		p.whole, asked = validatorOf(props), true
	}
	for _, name := range slices.Sorted(maps.Keys(props.Properties)) {
		property := props.Properties[name]
		p.fields[name] = d.part(&property, propertyOf(s, name), at.property(name), asked)
	}
	if entries := props.AdditionalProperties; entries != nil && entries.Schema != nil {
		p.entries = d.part(entries.Schema, entriesOf(s), at.entries(), asked)
	}
	if items := props.Items; items != nil && items.Schema != nil {
		p.items = d.part(items.Schema, itemsOf(s), at.items(), asked)
	}
	return p
}

// validatorOf returns the API server's validator of a schema. It is made when it is first needed.
func validatorOf(props *apiextensions.JSONSchemaProps) func() validation.SchemaCreateValidator {
	return sync.OnceValue(func() validation.SchemaCreateValidator {
		validator, _, err := validation.NewSchemaValidator(props)
		if err != nil { // the validator of the whole schema was made before, so there is none
			return nil
		}
		return validator
	})
}

// uniqueOf returns the schema of an object with one list, whose items must differ as the items of this
// schema must; nil if they need not differ.
func uniqueOf(s *structural.Structural) *structural.Structural {
	if s == nil || s.XListType == nil || *s.XListType == "atomic" {
		return nil
	}
	list := structural.Structural{Extensions: structural.Extensions{XListType: s.XListType, XListMapKeys: s.XListMapKeys}}
	return &structural.Structural{Properties: map[string]structural.Structural{"list": list}}
}

func propertyOf(s *structural.Structural, name string) *structural.Structural {
	if s == nil {
		return nil
	}
	property, has := s.Properties[name]
	if !has {
		return nil
	}
	return &property
}

func entriesOf(s *structural.Structural) *structural.Structural {
	if s == nil || s.AdditionalProperties == nil {
		return nil
	}
	return s.AdditionalProperties.Structural
}

func itemsOf(s *structural.Structural) *structural.Structural {
	if s == nil {
		return nil
	}
	return s.Items
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
	keep := n != p.root && value != nil && (n.rules != nil || n.whole != nil)
	var key [sha256.Size]byte
	if keep {
		key = n.digest(value)
		if known, ok := p.fine.Get(key); ok {
			return known.(int64), true
		}
	}
	if cost, fine = n.check(ctx, value); !fine {
		return 0, false
	}
	below, fine := p.below(ctx, n, value)
	cost += below
	if fine && keep {
		p.fine.Add(key, cost)
	}
	return cost, fine
}

// digest is that of a node and a value.
func (n *part) digest(value any) [sha256.Size]byte {
	return sha256.Sum256(appendValue(binary.BigEndian.AppendUint32(make([]byte, 0, 512), n.id), value))
}

// check reports whether a value is valid by the schema and the CEL rules of a node itself, and what the
// rules cost.
func (n *part) check(ctx context.Context, value any) (cost int64, fine bool) {
	switch {
	case !n.fits(value):
		return 0, false
	case n.rules == nil, value == nil:
		return 0, true
	}
	return n.rules().kept(ctx, value)
}

// fits reports whether a value is valid by the schema of a node, CEL rules aside.
func (n *part) fits(value any) bool {
	if n.whole != nil {
		if validator := n.whole(); validator == nil || !validator.Validate(value).IsValid() {
			return false
		}
	}
	if n.shape != nil && !n.shape.fits(value) {
		return false
	}
	list, isList := value.([]any)
	return n.unique == nil || !isList || len(listtype.ValidateListSetsAndMaps(nil, n.unique, map[string]any{"list": list})) == 0
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
		var few [16]string // a map with no more takes no memory
		names := few[:0]
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			text(name)
			to = appendValue(to, v[name])
		}
	default:
		to = append(to, 'x')
		text(fmt.Sprintf("%T %v", v, v))
	}
	return to
}
