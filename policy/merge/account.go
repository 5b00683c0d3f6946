package merge

import "slices"

// account takes the marks out of the fold and accounts for every value stated
// (semantics section 4). It leaves the merged value to Fold.
func (f *folding) account() Result {
	var result Result
	strength := Strength(f.layers)
	if f.acc != nil {
		f.acc.leaves(nil, func(path []string, v any, n *node) {
			o := Origin{
				Path:   slices.Clone(path),
				Value:  plain(v),
				Layer:  n.layer,
				Joined: n.joined,
				Beat:   slices.DeleteFunc(beaten(f.layers, strength, n.layer, path), func(i int) bool { return slices.Contains(n.joined, i) }),
			}
			o.Digest = Digest(o.Path, o.Value)
			for _, i := range o.Beat {
				lost, _ := at(f.layers[i].Value, path)
				o.BeatDigest = Mix(o.BeatDigest, Digest(path, lost))
			}
			result.Origins = append(result.Origins, o)
		})
	}
	buffer := make([]string, 0, 8)
	for _, i := range strength {
		each(f.layers[i].Value, buffer, func(path []string, v any) {
			if accounted(result.Origins, i, path) {
				return
			}
			if why, lost := f.lost(strength, i, path); lost {
				result.Lost = append(result.Lost, Lost{Path: slices.Clone(path), Value: v, Layer: i, Rule: why.rule, By: why.by})
			}
		})
	}
	slices.SortStableFunc(result.Lost, func(a, b Lost) int { return slices.Compare(a.Path, b.Path) })
	return result
}

// Strength lists the layers that state any value, from the strongest to the weakest: overrides
// downward, inline values, defaults upward (semantics section 3).
func Strength(leastSpecificFirst []Layer) []int {
	return appendStrength(make([]int, 0, len(leastSpecificFirst)), leastSpecificFirst)
}

func appendStrength(order []int, leastSpecificFirst []Layer) []int {
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

// Beaten lists the layers weaker than the winner that state something at path,
// above it or below it, the strongest first.
func Beaten(leastSpecificFirst []Layer, winner int, path []string) []int {
	return beaten(leastSpecificFirst, Strength(leastSpecificFirst), winner, path)
}

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

// states reports whether value has anything at path, above it (a scalar where the path goes on) or
// below it.
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

// accounted reports whether an origin at, above or below a path belongs to a layer, or beat it
// there.
func accounted(origins []Origin, layer int, path []string) bool {
	return slices.ContainsFunc(origins, func(o Origin) bool {
		n := min(len(o.Path), len(path))
		return slices.Equal(o.Path[:n], path[:n]) &&
			(o.Layer == layer || slices.Contains(o.Joined, layer) || slices.Contains(o.Beat, layer))
	})
}

// lost returns why a leaf that a layer states is not in the result. An empty object does not count
// as a leaf if other layers have filled it.
func (f *folding) lost(strength []int, layer int, path []string) (removal, bool) {
	if r := f.removed[layer]; r.rule != 0 {
		return r, true
	}
	n, m := f.acc, f.marks
	for i, key := range path {
		for group := range m.groups {
			if by, lost := n.winnerOf(group, path[i:], layer); lost {
				return removal{Whole, by}, true
			}
		}
		next := n.fields.get(key)
		switch {
		case next == nil:
			return f.cutOff(strength, layer, path)
		case next.isNull():
			return removal{Null, next.layer}, true
		case next.fields == nil:
			return removal{Whole, next.layer}, true
		}
		n, m = next, m.under(key)
	}
	return f.cutOff(strength, layer, path)
}

// cutOff finds a stronger layer that stated something else at a leaf or above it, and was itself
// replaced by an even stronger one: what it removed does not come back.
func (f *folding) cutOff(strength []int, layer int, path []string) (removal, bool) {
	own, _ := at(f.layers[layer].Value, path)
	if _, isObject := own.(map[string]any); isObject {
		return removal{}, false // an empty object that others filled
	}
	for _, i := range strength {
		if i == layer {
			break
		}
		value, depth := at(f.layers[i].Value, path)
		_, isObject := value.(map[string]any)
		switch {
		case f.removed[i].rule != 0, isObject && depth < len(path):
		case value == nil:
			return removal{Null, i}, true
		default:
			return removal{Whole, i}, true
		}
	}
	return removal{}, false
}

// at follows a path as far as there are objects, and returns how far that was.
func at(value any, path []string) (any, int) {
	for i, key := range path {
		object, isObject := value.(map[string]any)
		if !isObject {
			return value, i
		}
		inner, present := object[key]
		if !present {
			return value, i
		}
		value = inner
	}
	return value, len(path)
}

// winnerOf returns the layer that holds a group, given a leaf of another layer that was removed
// because it belongs to the group.
func (n *node) winnerOf(group [][]string, path []string, layer int) (int, bool) {
	if !slices.ContainsFunc(group, func(name []string) bool { return len(name) <= len(path) && slices.Equal(name, path[:len(name)]) }) {
		return 0, false
	}
	if found, exactly := n.at(path); exactly && found.isNull() {
		return 0, false // reported as Null
	}
	for _, name := range group {
		if found, exactly := n.at(name); exactly && found.layer != layer {
			return found.layer, true
		}
	}
	return 0, false
}
