package validate

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"

	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apimachinery/pkg/runtime"
)

// filling is what an API server does to a value at a node of a schema before it validates it.
type filling struct {
	defaults  []fieldDefault
	known     bool // there is a schema at all
	preserved bool // unknown fields stay
	embedded  bool // the value is a whole object
}

// fieldDefault is the value of a field that is not stated.
type fieldDefault struct {
	name  string
	value any
}

func fillingOf(s *structural.Structural) filling {
	if s == nil {
		return filling{}
	}
	f := filling{known: true, preserved: s.XPreserveUnknownFields, embedded: s.XEmbeddedResource}
	if entries := s.AdditionalProperties; entries != nil && entries.Structural == nil {
		f.preserved = false // a server empties what is in them
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if value := s.Properties[name].Default.Object; value != nil {
			f.defaults = append(f.defaults, fieldDefault{name, value})
		}
	}
	return f
}

// settled is a value as an API server would store it, and what the CEL rules at it and below it cost.
type settled struct {
	value any
	cost  int64
}

// settle returns a value as an API server would store it, if the value is valid and nothing is done to
// it but that defaults are filled in. It is not ok if a server would do or say anything else: remove an
// unknown field or a null, read metadata within the object, refuse it. Equal parts of objects are
// settled once, and are the same in memory then. The value given is neither changed nor shared.
func (p *parts) settle(ctx context.Context, n *part, value any) (s settled, ok bool) {
	keep := n != nil && (n.rules != nil || n.whole != nil)
	var key [sha256.Size]byte
	if keep {
		key = n.digest(value)
		if known, has := p.settled.Get(key); has {
			return known.(settled), true
		}
	}
	switch value := value.(type) {
	case string, bool, int64, float64:
		s.value, ok = value, true
	case map[string]any:
		if n != nil && n.filling.known && !n.filling.embedded {
			s.value, s.cost, ok = p.settleObject(ctx, n, value)
		}
	case []any:
		s.value, s.cost, ok = p.settleList(ctx, n, value)
	}
	if !ok || n == nil {
		return s, ok
	}
	cost, ok := n.check(ctx, s.value)
	s.cost += cost
	if ok && keep {
		p.settled.Add(key, s)
	}
	return s, ok
}

func (p *parts) settleList(ctx context.Context, n *part, value []any) (list []any, cost int64, ok bool) {
	if len(value) > 0 && (n == nil || !n.filling.known || n.filling.preserved || n.items == nil) {
		return nil, 0, false
	}
	list = make([]any, len(value))
	for i := range value {
		item, ok := p.settle(ctx, n.items, value[i])
		if !ok {
			return nil, 0, false
		}
		list[i] = item.value
		cost += item.cost
	}
	return list, cost, true
}

func (p *parts) settleObject(ctx context.Context, n *part, value map[string]any) (object map[string]any, cost int64, ok bool) {
	object = make(map[string]any, len(value)+len(n.filling.defaults))
	add := func(name string, below *part, entry any) bool {
		s, ok := p.settle(ctx, below, entry)
		object[name] = s.value
		cost += s.cost
		return ok
	}
	for name, entry := range value {
		below := n.fields[name]
		if below == nil {
			below = n.entries
		}
		switch {
		case below != nil:
			if !add(name, below, entry) {
				return nil, 0, false
			}
		case n.filling.preserved:
			object[name] = runtime.DeepCopyJSONValue(entry)
		default:
			return nil, 0, false
		}
	}
	for _, d := range n.filling.defaults {
		if _, stated := value[d.name]; !stated && !add(d.name, n.fields[d.name], d.value) {
			return nil, 0, false
		}
	}
	return object, cost, true
}
