package bound

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/attache-dev/attache/policy/crd"
)

// Type is the type by which the values of a field are compared.
type Type crd.BoundType

// The comparable types (api.md section 2).
const (
	// DurationBound compares GEP-2257 durations. Zero switches the limit off, so it is longer than
	// every other duration.
	DurationBound = Type(crd.DurationBound)
	// IntegerBound compares integers.
	IntegerBound = Type(crd.IntegerBound)
	// QuantityBound compares Kubernetes quantities (100, 500m, 2k).
	QuantityBound = Type(crd.QuantityBound)
	// TextBound has no order: only oneOf can bound it.
	TextBound = Type(crd.TextBound)
)

// Compare orders two values of one type. It fails when either value is not of the type. A duration
// of zero, which switches a timeout off, is longer than every other; Comparable knows what it means
// in a particular kind.
func (t Type) Compare(a, b any) (int, error) {
	if t == DurationBound {
		return (&Comparable{Type: t, Off: &Switch{Value: "0s"}}).Compare(a, b)
	}
	return t.compare(a, b)
}

// compare orders two values of one type without regard to switches.
func (t Type) compare(a, b any) (int, error) {
	switch t {
	case TextBound:
		return 0, errors.New("texts have no order")
	case DurationBound:
		x, err := duration(a)
		if err != nil {
			return 0, err
		}
		y, err := duration(b)
		return cmp.Compare(x, y), err
	case IntegerBound:
		x, err := integer(a)
		if err != nil {
			return 0, err
		}
		y, err := integer(b)
		return cmp.Compare(x, y), err
	default:
		x, err := quantity(a)
		if err != nil {
			return 0, err
		}
		y, err := quantity(b)
		return x.Cmp(y), err
	}
}

// Check reports whether v is a value of the type.
func (t Type) Check(v any) error {
	if t == TextBound {
		if _, isText := v.(string); !isText {
			return fmt.Errorf("%v is not a text", v)
		}
		return nil
	}
	_, err := t.compare(v, v)
	return err
}

func duration(v any) (time.Duration, error) {
	text, ok := v.(string)
	if !ok {
		return 0, fmt.Errorf("%v is not a duration: write a string like \"30s\"", v)
	}
	return ParseDuration(text)
}

func integer(v any) (int64, error) {
	switch n := v.(type) {
	case int64:
		return n, nil
	case int:
		return int64(n), nil
	case float64:
		if n == math.Trunc(n) {
			return int64(n), nil
		}
	case json.Number:
		return n.Int64()
	}
	return 0, fmt.Errorf("%v is not a whole number", v)
}

func quantity(v any) (resource.Quantity, error) {
	var text string
	switch n := v.(type) {
	case string:
		text = n
	case int64:
		text = strconv.FormatInt(n, 10)
	case int:
		text = strconv.Itoa(n)
	case float64:
		text = strconv.FormatFloat(n, 'f', -1, 64)
	default:
		return resource.Quantity{}, fmt.Errorf("%v is not a quantity: write a number like 100 or 500m", v)
	}
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return q, fmt.Errorf("%q is not a quantity: write a number like 100 or 500m", text)
	}
	return q, nil
}

// Comparable is what a kind declares about a field that can have bounds (semantics section 3.1).
type Comparable struct {
	Path crd.Path
	Type Type
	// Off is the value that switches off what the field limits, nil when there is none. Off is
	// beyond every maximum.
	Off *Switch
	// Absent is the value that an absent field counts as, nil when there is none.
	Absent any
	// Head is the first field of the group that the field is taken whole with, nil when it is in no
	// group or is the head itself: bounds on the other fields apply only where the head is set.
	Head crd.Path
}

// Switch is a value at a path that switches something off: a value of the field itself, or of
// another field.
type Switch struct {
	Path  crd.Path
	Value any
}

// Own reports whether the switch is a value of the field itself.
func (c *Comparable) Own() bool { return c.Off != nil && slices.Equal(c.Off.Path, c.Path) }

// IsOff reports whether a value of the field switches it off.
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

// Equal reports whether two values are the same by the field's type.
func (c *Comparable) Equal(a, b any) bool {
	if c.Type == TextBound {
		return sameScalar(a, b)
	}
	order, err := c.Type.compare(a, b)
	return err == nil && order == 0
}

// sameScalar compares scalars as JSON: numbers are equal regardless of how they were decoded.
func sameScalar(a, b any) bool {
	if x, err := integer(a); err == nil {
		y, err := integer(b)
		return err == nil && x == y
	}
	return reflect.DeepEqual(a, b)
}

// ParseDuration reads a GEP-2257 duration: up to four numbers of at most five
// digits, each with a unit h, m, s or ms.
func ParseDuration(text string) (time.Duration, error) {
	total, ok := readDuration(text)
	if !ok {
		return 0, fmt.Errorf(`%q is not a duration: write whole numbers with the units h, m, s or ms, like 30s, 500ms or 1h30m`, text)
	}
	return total, nil
}

// readDuration reads what matches ^([0-9]{1,5}(h|m|s|ms)){1,4}$. Folds ask it often. The sum of four
// such numbers is always a Duration.
func readDuration(text string) (total time.Duration, ok bool) {
	at := 0
	for range 4 {
		start, n := at, 0
		for at < len(text) && text[at] >= '0' && text[at] <= '9' {
			n = n*10 + int(text[at]-'0')
			at++
			if at-start > 5 {
				return 0, false
			}
		}
		if at == start || at == len(text) {
			return 0, false
		}
		unit := text[at]
		at++
		switch {
		case unit == 'm' && at < len(text) && text[at] == 's':
			at++
			total += time.Duration(n) * time.Millisecond
		case unit == 'm':
			total += time.Duration(n) * time.Minute
		case unit == 'h':
			total += time.Duration(n) * time.Hour
		case unit == 's':
			total += time.Duration(n) * time.Second
		default:
			return 0, false
		}
		if at == len(text) {
			return total, true
		}
	}
	return 0, false
}
