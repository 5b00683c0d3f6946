package publish

import (
	"maps"
	"slices"
	"strconv"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
)

// Published JSON equals the output of Compact, but is written without maps and reflection: the
// webhooks make an annotation for every write of a route.

// appendJSON writes a value that came from JSON as Compact does.
func appendJSON(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case string:
		return appendString(b, v)
	case []any:
		if v == nil {
			return append(b, "null"...)
		}
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, element)
		}
		return append(b, ']')
	case map[string]any:
		return appendObject(b, v)
	}
	return append(b, Compact(value)...) // numbers with a fraction
}

// appendObject writes an object, its keys sorted.
func appendObject(b []byte, object map[string]any) []byte {
	if object == nil {
		return append(b, "null"...)
	}
	var space [8]string
	keys := slices.AppendSeq(space[:0], maps.Keys(object))
	slices.Sort(keys)
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, key), ':')
		b = appendJSON(b, object[key])
	}
	return append(b, '}')
}

// appendString writes a text. Package json writes texts that need escapes.
func appendString(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return append(b, Compact(text)...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

// appendParent writes the result of Parent for a listener.
func appendParent(b []byte, l *hierarchy.Listener) []byte {
	b = appendPlace(append(b, `{"gateway":`...), l.Gateway)
	b = appendString(append(b, `,"listener":`...), l.Ref.Section)
	if !l.ListenerSet.IsZero() {
		b = appendPlace(append(b, `,"listenerSet":`...), l.ListenerSet)
	}
	return append(b, '}')
}

func appendPlace(b []byte, ref hierarchy.Ref) []byte {
	b = appendString(append(b, `{"name":`...), ref.Name)
	return append(appendString(append(b, `,"namespace":`...), ref.Namespace), '}')
}

// appendScopes writes the scopes of a target, each as shortScope has it.
func appendScopes(b []byte, e *effective.Target) []byte {
	b = append(b, '[')
	for i, s := range e.Scopes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"effective":{`...)
		first := true
		for _, m := range s.Result.Kinds { // sorted by name
			if len(m.Value) == 0 {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(appendString(b, m.Kind.Name()), ':')
			b = appendObject(b, m.Value)
		}
		b = append(b, `},"parents":[`...)
		for j, l := range s.Parents {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendParent(b, l)
		}
		b = append(b, ']')
		if rules := rulesOf(s.Rules); rules != nil {
			b = appendJSON(append(b, `,"rules":`...), rules)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}
