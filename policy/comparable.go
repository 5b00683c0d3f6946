package policy

import (
	"reflect"
	"slices"

	"github.com/attache-dev/attache/policy/crd"
)

// Comparable is what a kind says of a field that can have bounds (semantics
// section 3.1).
type Comparable struct {
	Path crd.Path
	Type BoundType
	// Off is what switches the thing off that the field limits, nil when nothing
	// does. Off is beyond every maximum.
	Off *Switch
	// Absent is what absence of the field counts as, nil when it counts as
	// nothing.
	Absent any
	// Head is the first name of the group that the field is taken whole with,
	// nil when it is in none or is the head itself: bounds on the other names
	// apply only where the head is set.
	Head crd.Path
}

// Switch is a value at a path that switches something off: the field's own, or
// that of another field.
type Switch struct {
	Path  crd.Path
	Value any
}

// Own says whether the switch is a value of the field itself.
func (c *Comparable) Own() bool { return c.Off != nil && slices.Equal(c.Off.Path, c.Path) }

// IsOff says whether a value of the field switches it off.
func (c *Comparable) IsOff(v any) bool {
	if !c.Own() {
		return false
	}
	order, err := c.Type.compare(v, c.Off.Value)
	return err == nil && order == 0
}

// Compare orders two values of the field; off is more than everything.
func (c *Comparable) Compare(a, b any) (int, error) {
	order, err := c.Type.compare(a, b)
	if err != nil {
		return 0, err
	}
	switch x, y := c.IsOff(a), c.IsOff(b); {
	case x && y:
		return 0, nil
	case x:
		return 1, nil
	case y:
		return -1, nil
	}
	return order, nil
}

// Equal says whether two values are the same by the field's type.
func (c *Comparable) Equal(a, b any) bool {
	if c.Type == TextBound {
		return sameScalar(a, b)
	}
	order, err := c.Type.compare(a, b)
	return err == nil && order == 0
}

// sameScalar compares scalars as JSON: a number is the same number whatever
// decoded it.
func sameScalar(a, b any) bool {
	if x, err := integer(a); err == nil {
		y, err := integer(b)
		return err == nil && x == y
	}
	return reflect.DeepEqual(a, b)
}
