package field

import "strings"

// Equal reports whether two values of the field are equal. They are compared as durations, rational
// numbers, integers or sets if the field has such values, else as JSON.
func (f Field) Equal(a, b any) bool {
	if EqualJSON(a, b) {
		return true
	}
	switch formats[f.Name] {
	case durationFormat:
		x, xOK := ParseDuration(a)
		y, yOK := ParseDuration(b)
		if xOK && yOK {
			return x.Duration == y.Duration
		}
	case quantityFormat:
		x, xOK := Rational(a)
		y, yOK := Rational(b)
		if xOK && yOK {
			return x.Cmp(y) == 0
		}
	case setFormat:
		x, xOK := a.([]any)
		y, yOK := b.([]any)
		if xOK && yOK {
			return strings.Join(Words(x), "\n") == strings.Join(Words(y), "\n")
		}
	case plain:
	}
	if x, ok := Integer(a); ok {
		y, isInteger := Integer(b)
		return isInteger && x == y
	}
	return false
}
