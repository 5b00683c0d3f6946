package export

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/attache-dev/attache/policy/export/field"
)

// Canonical is a text that is equal for two effective policies exactly if exporters cannot tell them
// apart.
func (e *Effective) Canonical() string {
	b := make([]byte, 0, 512)
	forced := 0
	for _, l := range e.Leaves() {
		b = appendText(appendText(appendText(b, l.Field.Policy), l.Field.Limit), l.Field.Name)
		if e.Forced[l.Field] {
			b = append(b, '!')
			forced++
		}
		b = appendValue(b, l.Value)
	}
	for _, f := range e.Forced {
		if f {
			forced--
		}
	}
	if forced != 0 {
		// A field that is forced has a value, in all that the engine makes.
		for _, f := range field.Sorted(e.Forced) {
			b = fmt.Appendf(b, "!%q%v", f, e.Forced[f])
		}
	}
	for _, policy := range slices.Sorted(maps.Keys(e.Invalid)) {
		b = appendText(appendText(append(b, '?'), policy), e.Invalid[policy])
	}
	return string(b)
}

// appendText appends a text so that its end is known.
func appendText(b []byte, text string) []byte {
	b = append(strconv.AppendInt(b, int64(len(text)), 10), ':')
	return append(b, text...)
}

// appendValue appends a value of JSON with its type.
func appendValue(b []byte, v any) []byte {
	switch x := v.(type) {
	case string:
		return appendText(append(b, 's'), x)
	case int64:
		return append(strconv.AppendInt(append(b, 'i'), x, 10), ';')
	case []any:
		b = append(b, '[')
		for _, item := range x {
			b = appendValue(b, item)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for _, key := range slices.Sorted(maps.Keys(x)) {
			b = appendValue(appendText(b, key), x[key])
		}
		return append(b, '}')
	}
	return appendText(b, fmt.Sprintf("%T %#v", v, v))
}
