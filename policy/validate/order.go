package validate

import (
	"slices"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// inOrder is a value that is iterated in the order of its keys, at every depth.
func inOrder(value ref.Val) ref.Val {
	switch v := value.(type) {
	case traits.Mapper:
		return orderedMap{v}
	case traits.Lister:
		return orderedList{v}
	}
	return value
}

type orderedMap struct{ traits.Mapper }

// Get returns the value of a key.
func (m orderedMap) Get(key ref.Val) ref.Val { return inOrder(m.Mapper.Get(key)) }

// Find returns the value of a key, if there is one.
func (m orderedMap) Find(key ref.Val) (ref.Val, bool) {
	value, found := m.Mapper.Find(key)
	return inOrder(value), found
}

// Iterator iterates over the keys.
func (m orderedMap) Iterator() traits.Iterator {
	var keys []string
	for it := m.Mapper.Iterator(); it.HasNext() == types.True; {
		if key, ok := it.Next().(types.String); ok {
			keys = append(keys, string(key))
		}
	}
	slices.Sort(keys)
	return types.NewStringList(types.DefaultTypeAdapter, keys).Iterator()
}

type orderedList struct{ traits.Lister }

// Get returns the item at an index.
func (l orderedList) Get(index ref.Val) ref.Val { return inOrder(l.Lister.Get(index)) }

// Iterator iterates over the items.
func (l orderedList) Iterator() traits.Iterator { return orderedItems{l.Lister.Iterator()} }

type orderedItems struct{ traits.Iterator }

// Next returns the next item.
func (i orderedItems) Next() ref.Val { return inOrder(i.Iterator.Next()) }
