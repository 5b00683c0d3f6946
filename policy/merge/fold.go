package merge

// Fold merges layers given least specific first (a GatewayClass's before a
// Gateway's; of one policy the override before the default) into the value that
// applies.
//
// It goes up from the most specific end, level by level: the result of the levels below is the
// challenger, the layer above is the established one, and the established one's strategy decides:
//
//	established  Atomic                             Patch
//	default      the challenger, if there is one    challenger patched onto established
//	override     the established, whole             established patched onto challenger
//
// An inline layer is not a policy. Its values replace those of the result of the others, field by
// field (see overlay).
//
// (The stack procedure sketched in GEP-713 folds from the top; read literally
// it loses a class override when a gateway default stands between it and a
// route default.)
func Fold(leastSpecificFirst []Layer, shape Shape) Result {
	f := fold(leastSpecificFirst, shape)
	result := f.account()
	if f.acc != nil {
		if value, isObject := f.acc.value().(map[string]any); isObject && len(value) > 0 {
			result.Value = value
		}
	}
	return result
}

func fold(leastSpecificFirst []Layer, shape Shape) *folding {
	f := &folding{layers: leastSpecificFirst, marks: shape.marks, removed: make([]removal, len(leastSpecificFirst))}
	for i := len(f.layers) - 1; i >= 0; i-- {
		if layer := &f.layers[i]; len(layer.Value) > 0 && layer.Block != Inline {
			f.meet(i, layer)
		}
	}
	for i := range f.layers {
		if layer := &f.layers[i]; len(layer.Value) > 0 && layer.Block == Inline {
			f.overlay(i)
		}
	}
	return f
}

// folding is a fold in progress.
type folding struct {
	layers []Layer
	marks  marks
	// acc is the result of the layers so far, nil before the first.
	acc *node
	// met are the layers that are part of acc, the last one last.
	met []int
	// removed says which layers an Atomic strategy removed as a whole.
	removed []removal
	// atomic is the strongest Atomic override so far, which replaced everything below it.
	atomic    int
	hasAtomic bool
}

// removal is why a layer is removed as a whole; its Rule is zero when it is not.
type removal struct {
	rule Rule
	by   int
}

// meet folds the next layer up.
func (f *folding) meet(i int, layer *Layer) {
	atomic := layer.Strategy == Atomic
	switch {
	case layer.Block == Override && atomic:
		for _, below := range f.met {
			f.removed[below] = removal{AtomicOverride, i}
		}
		f.acc, f.met = tree(layer.Value, i, f.marks), f.met[:0]
		f.atomic, f.hasAtomic = i, true
	case f.acc == nil:
		f.acc = tree(layer.Value, i, f.marks)
	case layer.Block == Override:
		f.acc = patch(f.acc, tree(layer.Value, i, f.marks), f.marks)
	case atomic:
		f.removed[i] = removal{AtomicDefault, f.met[len(f.met)-1]}
		return
	default:
		f.acc = patch(tree(layer.Value, i, f.marks), f.acc, f.marks)
	}
	f.met = append(f.met, i)
}

// overlay applies the values that the route rule itself states to the fold of the policies. Each
// value is a single field and not a policy: it replaces that field unless its winner is an override
// (a null counts), and removes no other field. With an Atomic override on the path, no inline value
// applies (semantics section 5).
func (f *folding) overlay(i int) {
	if f.hasAtomic {
		f.removed[i] = removal{AtomicOverride, f.atomic}
		return
	}
	statements(f.layers[i].Value, nil, func(path []string, v any) {
		if !f.acc.holdsOverride(path, f.layers) {
			f.acc = patch(f.acc, branch(path, v, i), nil)
		}
	})
}

// branch is a tree with one leaf.
func branch(path []string, leaf any, layer int) *node {
	n := &node{leaf: leaf, layer: layer}
	for i := len(path) - 1; i >= 0; i-- {
		n = &node{fields: fields{{path[i], n}}, layer: layer}
	}
	return n
}

// holdsOverride reports whether an override set the value at a path, above it or below it,
// including marks.
func (n *node) holdsOverride(path []string, layers []Layer) bool {
	if n == nil {
		return false
	}
	found, exactly := n.at(path)
	if !exactly && found.fields != nil {
		return false // nothing there
	}
	return found.anyOverride(layers)
}

func (n *node) anyOverride(layers []Layer) bool {
	if len(n.fields) == 0 {
		return layers[n.layer].Block == Override
	}
	for _, f := range n.fields {
		if f.anyOverride(layers) {
			return true
		}
	}
	return false
}
