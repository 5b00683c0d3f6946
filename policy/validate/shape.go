package validate

import (
	"reflect"
	"regexp"
	"slices"
	"unicode/utf8"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
)

// shape is what a schema says of a value itself, and not of what is in it, ready to be compared. The
// API server's validator rebuilds itself for every value, which costs a hundred times as much. A
// value that fits is one against which that validator says nothing. Of one that does not, nothing is
// known here: the validator is asked, and says what is wrong.
type shape struct {
	object, list, text, integer, number, boolean, null bool // what the value may be

	enum                         []string
	minLength, maxLength         *int64
	pattern                      *regexp.Regexp
	minimum, maximum             *int64
	minItems, maxItems           *int64
	minProperties, maxProperties *int64
	required                     []string
}

// wholeNumbers are the numbers up to which a float64 holds every whole number.
const wholeNumbers = 1 << 53

// shapeOf reads a schema. It is not understood when it says anything that is not compared here.
func shapeOf(props *apiextensions.JSONSchemaProps) (s *shape, understood bool) {
	s = &shape{
		minLength: props.MinLength, maxLength: props.MaxLength, minItems: props.MinItems, maxItems: props.MaxItems,
		minProperties: props.MinProperties, maxProperties: props.MaxProperties, required: props.Required,
	}
	return s, s.allow(props) && s.limit(props) && saysNoMore(props)
}

// allow reads which types a value may be of.
func (s *shape) allow(props *apiextensions.JSONSchemaProps) bool {
	switch {
	case props.XIntOrString:
		s.integer, s.text = true, true
	case props.Type == "":
		s.object, s.list, s.text, s.integer, s.number, s.boolean, s.null = true, true, true, true, true, true, true
	case props.Type == "object":
		s.object = true
	case props.Type == "array":
		s.list = true
	case props.Type == "string":
		s.text = true
	case props.Type == "integer":
		s.integer = true
	case props.Type == "number":
		s.integer, s.number = true, true
	case props.Type == "boolean":
		s.boolean = true
	default:
		return false
	}
	s.null = s.null || props.Nullable
	return true
}

// limit reads what is said of texts and numbers.
func (s *shape) limit(props *apiextensions.JSONSchemaProps) bool {
	for _, one := range props.Enum {
		text, isText := one.(string)
		if !isText {
			return false
		}
		s.enum = append(s.enum, text)
	}
	if props.Pattern != "" {
		pattern, err := regexp.Compile(props.Pattern)
		if err != nil {
			return false
		}
		s.pattern = pattern
	}
	least, most := int64(-wholeNumbers), int64(wholeNumbers)
	integer := props.Type == "integer" && !props.XIntOrString
	switch {
	case props.Format == "", props.Format == "int64" && integer:
	case props.Format == "int32" && integer:
		least, most = -1<<31, 1<<31-1
		s.minimum, s.maximum = &least, &most
	default:
		return false
	}
	for _, end := range []struct {
		said *float64
		to   **int64
	}{{props.Minimum, &s.minimum}, {props.Maximum, &s.maximum}} {
		if end.said == nil {
			continue
		}
		whole := int64(*end.said)
		if !integer || float64(whole) != *end.said || whole < least || whole > most {
			return false
		}
		*end.to = &whole
	}
	return true
}

// saysNoMore says that a schema says nothing of a value but what a shape holds, what is said of what is
// in the value, and what is for readers and for others than the validator.
func saysNoMore(props *apiextensions.JSONSchemaProps) bool {
	if entries := props.AdditionalProperties; entries != nil && (entries.Schema == nil && !entries.Allows || len(props.Properties) > 0) {
		return false
	}
	if items := props.Items; items != nil && (items.Schema == nil || len(items.JSONSchemas) > 0) {
		return false
	}
	rest := *props
	rest.Type, rest.Nullable, rest.Format, rest.Enum, rest.Pattern, rest.XIntOrString = "", false, "", nil, "", false
	rest.MinLength, rest.MaxLength, rest.Minimum, rest.Maximum = nil, nil, nil, nil
	rest.MinItems, rest.MaxItems, rest.MinProperties, rest.MaxProperties, rest.Required = nil, nil, nil, nil, nil
	rest.Properties, rest.AdditionalProperties, rest.Items = nil, nil, nil
	if props.XIntOrString && isIntOrString(props.AnyOf) {
		rest.AnyOf = nil
	}
	rest.Description, rest.Title, rest.ExternalDocs, rest.Example, rest.Default = "", "", nil, nil, nil
	rest.XPreserveUnknownFields, rest.XEmbeddedResource, rest.XValidations = nil, false, nil
	rest.XListType, rest.XListMapKeys, rest.XMapType = nil, nil, nil
	return reflect.ValueOf(rest).IsZero()
}

// isIntOrString recognizes what says in anyOf that a value is a number or a text.
func isIntOrString(anyOf []apiextensions.JSONSchemaProps) bool {
	return reflect.DeepEqual(anyOf, []apiextensions.JSONSchemaProps{{Type: "integer"}, {Type: "string"}})
}

// fits says that the API server's validator has nothing to say about a value itself.
func (s *shape) fits(value any) bool {
	switch v := value.(type) {
	case string:
		return s.text && s.fitsText(v)
	case map[string]any:
		return s.object && len(s.enum) == 0 && within(len(v), s.minProperties, s.maxProperties) && hasAll(v, s.required)
	case []any:
		return s.list && len(s.enum) == 0 && within(len(v), s.minItems, s.maxItems)
	case int64:
		return s.integer && len(s.enum) == 0 && (s.minimum == nil || v >= *s.minimum) && (s.maximum == nil || v <= *s.maximum)
	case bool:
		return s.boolean && len(s.enum) == 0
	case float64:
		return s.number && len(s.enum) == 0
	case nil:
		return s.null && len(s.enum) == 0
	}
	return false
}

func (s *shape) fitsText(text string) bool {
	if s.minLength != nil || s.maxLength != nil {
		if !within(utf8.RuneCountInString(text), s.minLength, s.maxLength) {
			return false
		}
	}
	return (len(s.enum) == 0 || slices.Contains(s.enum, text)) && (s.pattern == nil || s.pattern.MatchString(text))
}

func within(n int, least, most *int64) bool {
	return (least == nil || int64(n) >= *least) && (most == nil || int64(n) <= *most)
}

func hasAll(object map[string]any, names []string) bool {
	for _, name := range names {
		if _, has := object[name]; !has {
			return false
		}
	}
	return true
}
