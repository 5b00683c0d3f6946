package field

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Integer reads a whole number of any type that JSON decoders return.
func Integer(v any) (int64, bool) {
	switch x := v.(type) {
	case int64:
		return x, true
	case int:
		return int64(x), true
	case int32:
		return int64(x), true
	case float64:
		return int64(x), x == float64(int64(x))
	case json.Number:
		n, err := x.Int64()
		return n, err == nil
	}
	return 0, false
}

// Rational reads a quantity exactly: 10, "10", "500m", "1.5".
func Rational(v any) (*big.Rat, bool) {
	if n, ok := Integer(v); ok {
		return new(big.Rat).SetInt64(n), true
	}
	text, isText := v.(string)
	if f, isFloat := v.(float64); isFloat {
		text, isText = strconv.FormatFloat(f, 'f', -1, 64), true
	}
	if !isText {
		return nil, false
	}
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return nil, false
	}
	return new(big.Rat).SetString(q.AsDec().String())
}

// Text returns a value as messages show it.
func Text(v any) string {
	switch x := v.(type) {
	case nil:
		return "nothing"
	case string:
		return x
	case []any:
		parts := make([]string, len(x))
		for i := range x {
			parts[i] = Text(x[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "a value"
	}
	return string(data)
}
