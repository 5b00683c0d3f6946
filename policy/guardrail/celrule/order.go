package celrule

import (
	"maps"
	"slices"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// inOrder adapts the values of an input document. Keys of objects come sorted: a message that lists
// them is the same each time, and so is what is published and compared.
type inOrder struct{ types.Adapter }

// NativeToValue adapts a value and all that is in it.
func (a inOrder) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case map[string]any:
		return sortedMap{types.NewStringInterfaceMap(a, v), v}
	case []any:
		return types.NewDynamicList(a, v)
	}
	return a.Adapter.NativeToValue(value)
}

// sortedMap is an object whose keys come in order.
type sortedMap struct {
	traits.Mapper
	object map[string]any
}

// Iterator goes through the keys.
func (m sortedMap) Iterator() traits.Iterator {
	return types.NewStringList(types.DefaultTypeAdapter, slices.Sorted(maps.Keys(m.object))).Iterator()
}
