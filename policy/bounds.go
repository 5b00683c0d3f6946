package policy

import (
	"cmp"
	"encoding/json"
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
)

// Bound limits one field from below, from above, or both (semantics 3.1).
type Bound struct {
	Field string
	Type  BoundType
	// Min and Max are the limits as the policy writes them; nil when absent.
	Min, Max any
}

// Compare orders two values of one type. It fails when either is not of it.
func (t BoundType) Compare(a, b any) (int, error) {
	switch t {
	case DurationBound:
		x, err := comparableDuration(a)
		if err != nil {
			return 0, err
		}
		y, err := comparableDuration(b)
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
	_, err := t.Compare(v, v)
	return err
}

// comparableDuration reads a duration so that zero, which means "off", is
// longer than everything (semantics 3.2: a bound does not yield to it).
func comparableDuration(v any) (time.Duration, error) {
	text, ok := v.(string)
	if !ok {
		return 0, fmt.Errorf("%v is not a duration: write a string like \"30s\"", v)
	}
	d, err := ParseDuration(text)
	if err == nil && d == 0 {
		return math.MaxInt64, nil
	}
	return d, err
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
