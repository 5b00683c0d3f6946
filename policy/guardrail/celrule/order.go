package celrule

import (
	"maps"
	"slices"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// inOrder adapts the values of an input document. Keys of objects are sorted, so that a message
// that lists them is always the same, also when it is published and compared.
type inOrder struct{ types.Adapter }

// NativeToValue adapts a value with everything in it.
func (a inOrder) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case map[string]any:
		return sortedMap{types.NewStringInterfaceMap(a, v), v}
	case []any:
		return types.NewDynamicList(a, v)
	}
	return a.Adapter.NativeToValue(value)
}

// sortedMap is an object whose keys are iterated in order.
type sortedMap struct {
	traits.Mapper
	object map[string]any
}

// Iterator iterates over the keys.
func (m sortedMap) Iterator() traits.Iterator {
	return types.NewStringList(types.DefaultTypeAdapter, slices.Sorted(maps.Keys(m.object))).Iterator()
}
