package merge

import (
	"cmp"
	"maps"
	"slices"
)

// node is a JSON value in which every leaf knows its layer. A node belongs to one tree of one fold:
// patch takes over the nodes of both its arguments.
type node struct {
	// leaf is the value when fields is nil. A nil leaf is a null: it removes weaker values, and is
	// itself removed at the end. An object is a leaf if a Shape says that it is taken whole.
	leaf   any
	fields fields
	layer  int
	// joined are the other layers whose entries are in a joined list.
	joined []int
}

// fields are the fields of an object, sorted by key. Objects of policies are
// small: a sorted slice costs less than a map, and has an order.
type fields []field

type field struct {
	key string
	*node
}

func (f fields) find(key string) (int, bool) {
	return slices.BinarySearchFunc(f, key, func(have field, key string) int { return cmp.Compare(have.key, key) })
}

// get returns the value of a field, nil when there is none.
func (f fields) get(key string) *node {
	if i, found := f.find(key); found {
		return f[i].node
	}
	return nil
}

// set changes the value of a field, or adds it.
func (f *fields) set(key string, n *node) {
	i, found := f.find(key)
	if found {
		(*f)[i].node = n
		return
	}
	*f = slices.Insert(*f, i, field{key, n})
}

func tree(value any, layer int, m marks) *node {
	object, isObject := value.(map[string]any)
	if !isObject || m.here(wholeMark) {
		return &node{leaf: value, layer: layer}
	}
	n := &node{fields: make(fields, 0, len(object)), layer: layer}
	for key, v := range object {
		n.fields = append(n.fields, field{key, tree(v, layer, m.under(key))})
	}
	slices.SortFunc(n.fields, func(a, b field) int { return cmp.Compare(a.key, b.key) })
	return n
}

// patch is RFC 7386 with onto as the target, except that nulls stay in the tree as marks until the
// end, so that a null also removes values of later layers.
func patch(onto, with *node, m marks) *node {
	if onto == nil {
		return with
	}
	if with.fields == nil {
		return join(onto, with, m)
	}
	for group := range m.groups {
		if slices.ContainsFunc(group, with.has) {
			for _, path := range group {
				onto = onto.without(path)
			}
		}
	}
	if len(onto.fields) == 0 {
		return with
	}
	if len(with.fields) == 0 {
		return onto
	}
	onto.layer = with.layer
	for _, f := range with.fields {
		onto.fields.set(f.key, patch(onto.fields.get(f.key), f.node, m.under(f.key)))
	}
	return onto
}

// join combines a leaf with another value: it replaces that value, unless both are lists that are
// to be joined.
func join(onto, with *node, m marks) *node {
	if !m.here(joinMark) {
		return with
	}
	established, is := onto.leaf.([]any)
	challenger, too := with.leaf.([]any)
	if !is || !too {
		return with
	}
	return &node{
		leaf:   slices.Concat(established, challenger),
		layer:  with.layer,
		joined: slices.Concat(onto.joined, []int{onto.layer}, with.joined),
	}
}

// at finds the node at a path, or the last one on the way to it.
func (n *node) at(path []string) (found *node, exactly bool) {
	for _, key := range path {
		next := n.fields.get(key)
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, true
}

// has reports whether the tree has a value or a mark at a path.
func (n *node) has(path []string) bool {
	_, exactly := n.at(path)
	return exactly
}

// without returns the tree without the value at a path, and without the objects that become empty.
func (n *node) without(path []string) *node {
	i, found := n.fields.find(path[0])
	if !found {
		return n
	}
	if len(path) > 1 {
		inner := n.fields[i]
		had := len(inner.fields)
		if inner.without(path[1:]); len(inner.fields) > 0 || had == 0 {
			return n
		}
	}
	n.fields = slices.Delete(n.fields, i, i+1)
	return n
}

// value turns a tree back into JSON, without the nulls.
func (n *node) value() any {
	if n.fields == nil {
		return plain(n.leaf)
	}
	object := make(map[string]any, len(n.fields))
	for _, f := range n.fields {
		if !f.isNull() {
			object[f.key] = f.value()
		}
	}
	return object
}

// plain returns a value without the nulls of its objects. Lists stay as they are, as in RFC 7386.
func plain(value any) any {
	object, isObject := value.(map[string]any)
	if !isObject {
		return value
	}
	clean := make(map[string]any, len(object))
	for key, v := range object {
		if v != nil {
			clean[key] = plain(v)
		}
	}
	return clean
}

func (n *node) isNull() bool { return n.fields == nil && n.leaf == nil }

// leaves visits every leaf of the value in the order of their paths. An object
// without fields is a leaf too, except the root.
func (n *node) leaves(path []string, visit func([]string, any, *node)) {
	if n.fields == nil {
		if object, isObject := n.leaf.(map[string]any); isObject {
			statements(object, path, func(path []string, v any) { visit(path, v, n) })
			return
		}
		visit(path, n.leaf, n)
		return
	}
	inner := false
	for _, f := range n.fields {
		if !f.isNull() {
			inner = true
			f.leaves(append(path, f.key), visit)
		}
	}
	if !inner && len(path) > 0 {
		visit(path, map[string]any{}, n)
	}
}

// statements visits the leaves of an object in the order of their paths. An empty object is a leaf
// itself, except the root; nulls are not leaves.
func statements(object map[string]any, path []string, visit func([]string, any)) {
	inner := false
	var few [8]string
	keys := slices.AppendSeq(few[:0], maps.Keys(object))
	slices.Sort(keys)
	for _, key := range keys {
		switch v := object[key].(type) {
		case nil:
		case map[string]any:
			inner = true
			statements(v, append(path, key), visit)
		default:
			inner = true
			visit(append(path, key), v)
		}
	}
	if !inner && len(path) > 0 {
		visit(path, map[string]any{})
	}
}

// each visits the leaves of an object in no order, as statements does in the order of their paths.
// The path is valid until the next visit.
func each(object map[string]any, path []string, visit func([]string, any)) {
	inner := false
	for key, v := range object {
		switch v := v.(type) {
		case nil:
		case map[string]any:
			inner = true
			each(v, append(path, key), visit)
		default:
			inner = true
			visit(append(path, key), v)
		}
	}
	if !inner && len(path) > 0 {
		visit(path, map[string]any{})
	}
}
