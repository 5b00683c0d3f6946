package merge

import (
	"maps"
	"slices"
)

// Fold merges layers given least specific first (a GatewayClass's before a
// Gateway's) into the value that applies.
//
// It goes up from the most specific end: what the levels below came to is the
// challenger, the layer above is the established one, and the established
// one's strategy decides. An inline layer is where the fold starts; then come
// the defaults upward, then the overrides upward:
//
//	established  Atomic                             Patch
//	default      the challenger, if there is one    challenger patched onto established
//	override     the established, whole             established patched onto challenger
//
// (The stack procedure sketched in GEP-713 folds from the top; read literally
// it loses a class override when a gateway default stands between it and a
// route default.)
func Fold(leastSpecificFirst []Layer) Result {
	var acc *node
	for _, i := range ascending(leastSpecificFirst) {
		layer := leastSpecificFirst[i]
		established := tree(layer.Value, i)
		switch {
		case acc == nil:
			acc = established
		case layer.Block == Override && layer.Strategy == Atomic:
			acc = established
		case layer.Block == Override:
			acc = patch(acc, established)
		case layer.Strategy == Atomic:
			// The challenger stands.
		default:
			acc = patch(established, acc)
		}
	}
	if acc == nil {
		return Result{}
	}
	value, ok := acc.value().(map[string]any)
	if !ok || len(value) == 0 {
		return Result{}
	}
	result := Result{Value: value}
	strength := Strength(leastSpecificFirst)
	acc.leaves(nil, func(path []string, n *node) {
		result.Origins = append(result.Origins, Origin{
			Path:  slices.Clone(path),
			Value: n.value(),
			Layer: n.layer,
			Beat:  beaten(leastSpecificFirst, strength, n.layer, path),
		})
	})
	return result
}

// ascending is the order in which the fold meets the layers: inline first,
// then defaults from the most specific upward, then overrides likewise. It is
// not the order of strength: of two defaults the first met wins, of two
// overrides the last.
func ascending(layers []Layer) []int {
	order := make([]int, 0, len(layers))
	for _, block := range [...]Block{Inline, Default, Override} {
		for i := len(layers) - 1; i >= 0; i-- {
			if layers[i].Block == block && len(layers[i].Value) > 0 {
				order = append(order, i)
			}
		}
	}
	return order
}

// Strength lists the layers that state anything from the strongest to the
// weakest: overrides downward, inline values, defaults upward (semantics
// section 3).
func Strength(leastSpecificFirst []Layer) []int {
	order := make([]int, 0, len(leastSpecificFirst))
	add := func(i int, block Block) {
		if leastSpecificFirst[i].Block == block && len(leastSpecificFirst[i].Value) > 0 {
			order = append(order, i)
		}
	}
	for i := range leastSpecificFirst {
		add(i, Override)
	}
	for _, block := range [...]Block{Inline, Default} {
		for i := len(leastSpecificFirst) - 1; i >= 0; i-- {
			add(i, block)
		}
	}
	return order
}

// beaten lists the layers weaker than the winner that state something at path.
func beaten(layers []Layer, strength []int, winner int, path []string) []int {
	var lost []int
	weaker := false
	for _, i := range strength {
		if weaker && states(layers[i].Value, path) {
			lost = append(lost, i)
		}
		weaker = weaker || i == winner
	}
	return lost
}

// states says whether value says anything at path, above it (a scalar where
// the path goes on) or below it.
func states(value any, path []string) bool {
	for _, key := range path {
		object, isObject := value.(map[string]any)
		if !isObject {
			break
		}
		var present bool
		if value, present = object[key]; !present {
			return false
		}
	}
	return value != nil
}

// node is a JSON value in which every leaf knows its layer. Nodes are shared
// between trees and never changed once made.
type node struct {
	// leaf is the value when fields is nil. A nil leaf is a null: it removes
	// weaker values, and itself at the end.
	leaf   any
	fields map[string]*node
	layer  int
}

func tree(value any, layer int) *node {
	object, isObject := value.(map[string]any)
	if !isObject {
		return &node{leaf: value, layer: layer}
	}
	n := &node{fields: make(map[string]*node, len(object)), layer: layer}
	for key, v := range object {
		n.fields[key] = tree(v, layer)
	}
	return n
}

// patch is RFC 7386 with onto as the target, except that nulls stay in the
// tree as marks until the end, so that a null also removes what is met later.
func patch(onto, with *node) *node {
	if onto == nil || with.fields == nil || len(onto.fields) == 0 {
		return with
	}
	if len(with.fields) == 0 {
		return onto
	}
	merged := &node{fields: maps.Clone(onto.fields), layer: with.layer}
	for key, v := range with.fields {
		merged.fields[key] = patch(onto.fields[key], v)
	}
	return merged
}

// value turns a tree back into JSON, without the nulls.
func (n *node) value() any {
	if n.fields == nil {
		return n.leaf
	}
	object := make(map[string]any, len(n.fields))
	for key, field := range n.fields {
		if !field.isNull() {
			object[key] = field.value()
		}
	}
	return object
}

func (n *node) isNull() bool { return n.fields == nil && n.leaf == nil }

// leaves visits every leaf of the value in the order of their paths. An object
// without fields is a leaf too, except the root.
func (n *node) leaves(path []string, visit func([]string, *node)) {
	if n.fields == nil {
		visit(path, n)
		return
	}
	inner := false
	for _, key := range slices.Sorted(maps.Keys(n.fields)) {
		if field := n.fields[key]; !field.isNull() {
			inner = true
			field.leaves(append(path, key), visit)
		}
	}
	if !inner && len(path) > 0 {
		visit(path, n)
	}
}
