package policy

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/attache-dev/attache/policy/crd"
)

// BoundType is the type by which the values of a field compare.
type BoundType crd.BoundType

// The comparable types (api.md section 2).
const (
	// DurationBound compares GEP-2257 durations. Zero switches the thing off,
	// so it is longer than every other duration.
	DurationBound = BoundType(crd.DurationBound)
	// IntegerBound compares integers.
	IntegerBound = BoundType(crd.IntegerBound)
	// QuantityBound compares Kubernetes quantities (100, 500m, 2k).
	QuantityBound = BoundType(crd.QuantityBound)
	// TextBound has no order: only oneOf bounds it.
	TextBound = BoundType(crd.TextBound)
)

// Bound limits one field: from below, from above, both, or to a list of values
// (semantics 3.1).
type Bound struct {
	*Comparable
	// Field is the path as a reader sees it.
	Field string
	// Min and Max are the limits as the policy writes them; nil when absent.
	Min, Max any
	// OneOf are the values allowed; nil when any is.
	OneOf []any
}

// Compare orders two values of one type. It fails when either is not of it. A
// duration of zero, which switches a timeout off, is longer than every other;
// Comparable knows better what a kind means by it.
func (t BoundType) Compare(a, b any) (int, error) {
	if t == DurationBound {
		return (&Comparable{Type: t, Off: &Switch{Value: "0s"}}).Compare(a, b)
	}
	return t.compare(a, b)
}

// compare orders two values of one type as they stand.
func (t BoundType) compare(a, b any) (int, error) {
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

// check says whether v is a value of the type.
func (t BoundType) check(v any) error {
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
