package export

import "strings"

// equal reports whether two values of the field are equal. They are compared as durations, rational
// numbers, integers or sets if the field has such values, else as JSON.
func (f Field) equal(a, b any) bool {
	switch formats[f.Name] {
	case durationFormat:
		x, xOK := parseDuration(a)
		y, yOK := parseDuration(b)
		if xOK && yOK {
			return x.Duration == y.Duration
		}
	case quantityFormat:
		x, xOK := rational(a)
		y, yOK := rational(b)
		if xOK && yOK {
			return x.Cmp(y) == 0
		}
	case setFormat:
		x, xOK := a.([]any)
		y, yOK := b.([]any)
		if xOK && yOK {
			return strings.Join(words(x), "\n") == strings.Join(words(y), "\n")
		}
	case plain:
	}
	if x, ok := Integer(a); ok {
		y, isInteger := Integer(b)
		return isInteger && x == y
	}
	return equalJSON(a, b)
}
