package policy

import (
	"fmt"

	"github.com/attache-dev/attache/policy/crd"
)

// RemarkKind says why a field of a policy has a remark.
type RemarkKind string

const (
	// StrategyNotUnderstood is an unknown word in the place of a strategy: Atomic applies, and the
	// word stays part of the value.
	StrategyNotUnderstood RemarkKind = "StrategyNotUnderstood"
	// FieldNotRead is a field of spec beside a block.
	FieldNotRead RemarkKind = "FieldNotRead"
	// BoundNotRead is a bound on a field whose declaration in the kind is invalid. Only this bound
	// is ignored.
	BoundNotRead RemarkKind = "BoundNotRead"
)

// Remark is about a field of a policy that is not read, or not understood (semantics sections 2 and
// 10).
type Remark struct {
	Kind RemarkKind
	// Path is the path of the field in the object.
	Path  crd.Path
	Value any
}

// String is the remark as a sentence.
func (r Remark) String() string {
	if r.Kind == FieldNotRead {
		return r.Path.String() + " " + r.Message()
	}
	return r.Path.String() + ": " + r.Message()
}

// Message is the remark without the path.
func (r Remark) Message() string {
	switch r.Kind {
	case StrategyNotUnderstood:
		return fmt.Sprintf("strategy %q is not understood; Atomic counts", r.Value)
	case BoundNotRead:
		return "this bound does not count, because what the kind says of its field makes no sense: see kubectl effective-policy kinds"
	}
	return "stands beside a block and is not read: move it into the block"
}

func (p *Policy) remark(kind RemarkKind, path []string, value any) {
	p.Remarks = append(p.Remarks, Remark{kind, path, value})
}

// valueAt is what an object states at a path.
func valueAt(object map[string]any, path []string) (any, bool) {
	var value any = object
	for _, key := range path {
		inner, isObject := value.(map[string]any)
		if !isObject {
			return nil, false
		}
		var present bool
		if value, present = inner[key]; !present {
			return nil, false
		}
	}
	return value, true
}

// withoutPath returns an object without the value at a path, and without the objects that this
// leaves empty.
func withoutPath(object map[string]any, path []string) map[string]any {
	c := make(map[string]any, len(object))
	for key, v := range object {
		c[key] = v
	}
	if len(path) == 1 {
		delete(c, path[0])
	} else if inner, isObject := c[path[0]].(map[string]any); isObject {
		if c[path[0]] = withoutPath(inner, path[1:]); len(c[path[0]].(map[string]any)) == 0 {
			delete(c, path[0])
		}
	}
	return c
}
