package merge

import (
	"slices"
	"strings"
)

// Folder folds many times in the memory of one fold. Its zero value is ready to use; it is for one
// goroutine.
type Folder struct {
	origins []Origin
	beat    []int
	order   []int
	cursors []cursor
	sets    []uint64
}

// cursor goes through the leaves of one layer.
type cursor struct {
	layer  int
	inline bool
	rest   []leaf
}

// Trace is Fold without the merged value, which the origins say as well. What it returns is good until
// the next call; the paths in it may be kept.
func (f *Folder) Trace(leastSpecificFirst []Layer, shape Shape) ([]Origin, []Lost) {
	if patched(leastSpecificFirst) && f.leafByLeaf(leastSpecificFirst, shape) {
		return f.origins, nil
	}
	result := fold(leastSpecificFirst, shape).account()
	return result.Origins, result.Lost
}

// patched says whether no layer is taken or left whole: an established one that is Atomic does that,
// and the most specific one is never established.
func patched(leastSpecificFirst []Layer) bool {
	established := false
	for i := range leastSpecificFirst {
		l := &leastSpecificFirst[len(leastSpecificFirst)-1-i]
		switch {
		case len(l.Value) == 0 || l.Block == Inline:
		case l.Strategy == Patch, l.Block == Default && !established:
			established = true
		default:
			return false
		}
	}
	return true
}

// leafByLeaf folds layers that are patched without making trees of them. Where none states null,
// none states a value inside what another states, and all that state some of what is taken whole state
// the same leaves of it, leaves have nothing to do with each other: each is the strongest layer's,
// which beats all others that state it. Otherwise leafByLeaf gives up.
func (f *Folder) leafByLeaf(layers []Layer, shape Shape) bool {
	if len(layers) > 64 {
		return false // sets of layers have that many bits
	}
	f.origins, f.beat, f.cursors = f.origins[:0], f.beat[:0], f.cursors[:0]
	f.order = appendStrength(f.order[:0], layers)
	for _, i := range f.order {
		l := layers[i].Read()
		if l.read.nulls {
			return false
		}
		f.cursors = append(f.cursors, cursor{i, l.Block == Inline, l.read.leaves})
	}
	f.sets = append(f.sets[:0], make([]uint64, len(shape.marks))...)
	for {
		strongest := f.next()
		if strongest < 0 {
			return true
		}
		path := f.cursors[strongest].rest[0].path
		if n := len(f.origins); n > 0 && len(f.origins[n-1].Path) < len(path) && slices.Equal(f.origins[n-1].Path, path[:len(f.origins[n-1].Path)]) {
			return false
		}
		if stating, inline := f.take(strongest, path); !f.independent(shape.marks, path, stating, inline) {
			return false
		}
	}
}

// next is the strongest of those whose next leaf comes first, -1 when no leaf is left.
func (f *Folder) next() int {
	first := -1
	for i := range f.cursors {
		rest := f.cursors[i].rest
		if len(rest) > 0 && (first < 0 || comparePaths(rest[0].path, f.cursors[first].rest[0].path) < 0) {
			first = i
		}
	}
	return first
}

// take makes the origin of a leaf, and says which layers state it and whether one of them is inline.
func (f *Folder) take(strongest int, path []string) (stating uint64, inline bool) {
	start := len(f.beat)
	won := &f.cursors[strongest].rest[0]
	o := Origin{Path: path, Value: won.value, Layer: f.cursors[strongest].layer, Digest: won.digest}
	for i := strongest; i < len(f.cursors); i++ {
		c := &f.cursors[i]
		if len(c.rest) == 0 || comparePaths(c.rest[0].path, path) != 0 {
			continue
		}
		if i > strongest {
			f.beat = append(f.beat, c.layer)
			o.BeatDigest = Mix(o.BeatDigest, c.rest[0].digest)
		}
		c.rest = c.rest[1:]
		stating |= 1 << c.layer
		inline = inline || c.inline
	}
	if len(f.beat) > start {
		o.Beat = f.beat[start:len(f.beat):len(f.beat)]
	}
	f.origins = append(f.origins, o)
	return stating, inline
}

// independent says whether a leaf may be looked at for itself: no mark is about it, or all that
// state it, policies only, are those that state the others that the mark is about.
func (f *Folder) independent(all marks, path []string, stating uint64, inline bool) bool {
	for i := range all {
		m := &all[i]
		switch {
		case !m.covers(path):
		case inline, m.what == joinMark && stating&(stating-1) != 0, f.sets[i] != 0 && f.sets[i] != stating:
			return false
		default:
			f.sets[i] = stating
		}
	}
	return true
}

// covers says whether a path leads to or through what a mark is about.
func (m *mark) covers(path []string) bool {
	if !leads(m.path, path) {
		return false
	}
	if m.what != groupMark {
		return true
	}
	rest := path[len(m.path):]
	return slices.ContainsFunc(m.names, func(name []string) bool { return leads(name, rest) })
}

// leads says whether a path goes where a prefix says, in which any key may stand for all.
func leads(prefix, path []string) bool {
	if len(prefix) > len(path) {
		return false
	}
	for i, key := range prefix {
		if key != path[i] && key != AnyKey {
			return false
		}
	}
	return true
}

func comparePaths(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return strings.Compare(a[i], b[i])
		}
	}
	return len(a) - len(b)
}

// statement is a value taken apart.
type statement struct {
	leaves []leaf
	nulls  bool
}

// leaf is one value that a layer states. An object is a leaf when it is empty.
type leaf struct {
	path   []string
	value  any
	digest uint64
}

func read(value map[string]any) *statement {
	s := &statement{nulls: hasNull(value)}
	n, keys := 0, 0
	path := make([]string, 0, 4)
	each(value, path, func(path []string, _ any) { n, keys = n+1, keys+len(path) })
	s.leaves = make([]leaf, 0, n)
	all := make([]string, 0, keys) // one list of keys for all paths
	statements(value, path, func(path []string, v any) {
		start := len(all)
		all = append(all, path...)
		s.leaves = append(s.leaves, leaf{all[start:len(all):len(all)], v, Digest(path, v)})
	})
	return s
}

func hasNull(object map[string]any) bool {
	for _, v := range object {
		inner, isObject := v.(map[string]any)
		if v == nil || isObject && hasNull(inner) {
			return true
		}
	}
	return false
}
