package validate

import (
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

// filled is a value as an API server would store it, where nothing is done to it but that defaults are
// filled in. It is not ok where a server would do or say anything else: remove an unknown field or a
// null, read metadata within the object. The value given is neither changed nor shared.
func (n *part) filled(value any) (filled any, ok bool) {
	switch value := value.(type) {
	case string, bool, int64, float64:
		return value, true
	case map[string]any:
		if n == nil || !n.filling.known || n.filling.embedded {
			return nil, false
		}
		return n.filledObject(value)
	case []any:
		if len(value) > 0 && (n == nil || !n.filling.known || n.filling.preserved || n.items == nil) {
			return nil, false
		}
		list := make([]any, len(value))
		for i := range value {
			if list[i], ok = n.items.filled(value[i]); !ok {
				return nil, false
			}
		}
		return list, true
	}
	return nil, false
}

func (n *part) filledObject(value map[string]any) (filled map[string]any, ok bool) {
	filled = make(map[string]any, len(value)+len(n.filling.defaults))
	for name, entry := range value {
		below := n.fields[name]
		if below == nil {
			below = n.entries
		}
		switch {
		case below != nil:
			if filled[name], ok = below.filled(entry); !ok {
				return nil, false
			}
		case n.filling.preserved:
			filled[name] = runtime.DeepCopyJSONValue(entry)
		default:
			return nil, false
		}
	}
	return filled, n.addDefaults(filled)
}

// addDefaults fills in what is not stated.
func (n *part) addDefaults(filled map[string]any) (ok bool) {
	for _, d := range n.filling.defaults {
		if _, stated := filled[d.name]; stated {
			continue
		}
		if filled[d.name], ok = n.fields[d.name].filled(d.value); !ok {
			return false
		}
	}
	return true
}
