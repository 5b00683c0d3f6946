package kubeyaml

import (
	"bytes"
	"math"
	"unicode/utf8"

	yamlv2 "go.yaml.in/yaml/v2"
	"sigs.k8s.io/yaml"
)

// Parsed is a YAML document: its value, or its text as JSON where only a JSON parser can tell the value,
// or the reason why it is not YAML.
type Parsed struct {
	Value any
	JSON  []byte
	Err   error // see MistakesIn
	// TextKeys says that all keys are strings, as they are written.
	TextKeys bool
}

// Empty reports whether the document is empty.
func (p Parsed) Empty() bool {
	return p.Err == nil && p.Value == nil && (p.JSON == nil || bytes.Equal(p.JSON, []byte("null")))
}

// Parse reads a document as kubectl does: the YAML parser makes a value of it, which is written as JSON
// and read again. The way through JSON is skipped where it does not change the value, and the parser
// where the document is plain.
func Parse(data []byte) Parsed {
	if value, ok := readPlain(data); ok {
		return Parsed{Value: value, TextKeys: true}
	}
	var value any
	if yamlv2.UnmarshalStrict(data, &value) == nil {
		if same, ok := asJSON(value, 0); ok {
			return Parsed{Value: same, TextKeys: !mayHaveOtherKeys(data)}
		}
	}
	text, err := yaml.YAMLToJSONStrict(data)
	return Parsed{JSON: text, Err: err, TextKeys: !mayHaveOtherKeys(data)}
}

// deepest is the depth down to which asJSON looks into values. The JSON parser has a limit of its own.
const deepest = 1000

// asJSON is a value of the YAML parser as it would be if it were written as JSON and read again. ok is
// false where that cannot be told at once: for numbers that JSON writes in another way, keys that are not
// strings, and strings that are not UTF-8.
func asJSON(value any, depth int) (same any, ok bool) {
	switch v := value.(type) {
	case nil, bool, int64:
		return v, true
	case string:
		return v, utf8.ValidString(v)
	case int:
		return int64(v), true
	case float64:
		return v, v != math.Trunc(v) && !math.IsNaN(v)
	case []any:
		for i := range v {
			if v[i], ok = asJSON(v[i], depth+1); !ok {
				return nil, false
			}
		}
		return v, depth < deepest
	case map[any]any:
		object := make(map[string]any, len(v))
		for key, entry := range v {
			name, isText := key.(string)
			if !isText || !utf8.ValidString(name) {
				return nil, false
			}
			if object[name], ok = asJSON(entry, depth+1); !ok {
				return nil, false
			}
		}
		return object, depth < deepest
	}
	return nil, false
}
