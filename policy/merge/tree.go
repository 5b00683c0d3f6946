package merge

import (
	"maps"
	"slices"
)

// node is a JSON value in which every leaf knows its layer. Nodes are shared
// between trees and never changed once made.
type node struct {
	// leaf is the value when fields is nil. A nil leaf is a null: it removes
	// weaker values, and itself at the end. An object is a leaf where a Shape
	// says that it is taken whole.
	leaf   any
	fields map[string]*node
	layer  int
	// joined are the other layers whose entries are in a joined list.
	joined []int
}

func tree(value any, layer int, m marks) *node {
	object, isObject := value.(map[string]any)
	if !isObject || m.here(wholeMark) {
		return &node{leaf: value, layer: layer}
	}
	n := &node{fields: make(map[string]*node, len(object)), layer: layer}
	for key, v := range object {
		n.fields[key] = tree(v, layer, m.under(key))
	}
	return n
}

// patch is RFC 7386 with onto as the target, except that nulls stay in the
// tree as marks until the end, so that a null also removes what is met later.
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
	merged := &node{fields: maps.Clone(onto.fields), layer: with.layer}
	for key, v := range with.fields {
		merged.fields[key] = patch(onto.fields[key], v, m.under(key))
	}
	return merged
}

// join puts a leaf over another value: in its place, unless both are lists that
// are to be joined.
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
		next := n.fields[key]
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, true
}

// has says whether the tree has a value or a mark at a path.
func (n *node) has(path []string) bool {
	_, exactly := n.at(path)
	return exactly
}

// without is the tree without what is at a path; an object that has nothing
// else goes with it.
func (n *node) without(path []string) *node {
	inner := n.fields[path[0]]
	if inner == nil {
		return n
	}
	if len(path) > 1 {
		rest := inner.without(path[1:])
		if rest == inner {
			return n
		}
		if len(rest.fields) > 0 {
			c := &node{fields: maps.Clone(n.fields), layer: n.layer}
			c.fields[path[0]] = rest
			return c
		}
	}
	c := &node{fields: maps.Clone(n.fields), layer: n.layer}
	delete(c.fields, path[0])
	return c
}

// value turns a tree back into JSON, without the nulls.
func (n *node) value() any {
	if n.fields == nil {
		return plain(n.leaf)
	}
	object := make(map[string]any, len(n.fields))
	for key, field := range n.fields {
		if !field.isNull() {
			object[key] = field.value()
		}
	}
	return object
}

// plain is a value without the nulls of its objects. Lists stay as they are, as
// in RFC 7386.
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
	for _, key := range slices.Sorted(maps.Keys(n.fields)) {
		if field := n.fields[key]; !field.isNull() {
			inner = true
			field.leaves(append(path, key), visit)
		}
	}
	if !inner && len(path) > 0 {
		visit(path, map[string]any{}, n)
	}
}

// statements visits the leaves of an object in the order of their paths. An
// object without any is a leaf itself, except the root; nulls are none.
func statements(object map[string]any, path []string, visit func([]string, any)) {
	inner := false
	for _, key := range slices.Sorted(maps.Keys(object)) {
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

// each visits the leaves of an object in no order, as statements does in the
// order of their paths. The path is good until the next visit.
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
