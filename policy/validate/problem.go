package validate

import (
	"cmp"
	"slices"
	"strings"

	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/crd"
)

// Problem is one reason to refuse an object.
type Problem struct {
	// Field is the path of the field, such as "spec.default.request"; empty when the problem
	// concerns the whole object.
	Field string
	// Message says what is wrong and what to write instead. It is what the API
	// server would print after the field.
	Message string
	// Blocks means that a server does not evaluate the rules of an object with such a problem: the
	// value is not of its field's type, or missing.
	Blocks bool
	// Unfinished means that this is not a problem of the object: a server stopped looking for more
	// problems.
	Unfinished bool
	// Pattern means that the value does not match a pattern.
	Pattern bool
}

// String returns the problem as the API server prints it.
func (p Problem) String() string {
	if p.Field == "" {
		return p.Message
	}
	return p.Field + ": " + p.Message
}

// blocks reports whether a server stops at an error, so that CEL is not evaluated on values of the
// wrong type.
func blocks(err *field.Error) bool {
	switch err.Type {
	case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
		return true
	}
	return false
}

// pattern is the text by which the libraries of the API server report that a value does not match a
// pattern. They only report it as text, which is recognized here and nowhere else.
const pattern = " in body should match '"

// unfinished is the message of a server that does not evaluate rules, and identifies that error.
const unfinished = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"

// fieldOf returns the path of an error, empty for the whole object.
func fieldOf(err *field.Error) string {
	if err.Field == (*field.Path)(nil).String() {
		return ""
	}
	return err.Field
}

// fieldPath splits the path of an error: a.b[0], or labels[a.b] for the key of a map. The libraries
// only return it as text, which is parsed here and nowhere else.
func fieldPath(text string) crd.Path {
	if text == (*field.Path)(nil).String() {
		return nil
	}
	var path crd.Path
	for text != "" {
		text = strings.TrimPrefix(text, ".")
		end := strings.IndexAny(text, ".[")
		if key, rest, closed := strings.Cut(text, "]"); end == 0 && closed {
			path, text = append(path, key[1:]), rest
			continue
		}
		if end <= 0 {
			return append(path, text)
		}
		path, text = append(path, text[:end]), text[end:]
	}
	return path
}

func problemOf(err *field.Error) Problem {
	name := fieldOf(err)
	return Problem{
		Field: name, Message: err.ErrorBody(), Blocks: blocks(err),
		Unfinished: err.Origin == unfinished, Pattern: strings.Contains(err.Detail, pattern),
	}
}

func problemsOf(errs field.ErrorList) []Problem {
	out := make([]Problem, 0, len(errs))
	for _, err := range errs {
		out = append(out, problemOf(err))
	}
	return out
}

// sorted orders problems by field, then by message, and drops duplicates.
func sorted(problems []Problem) []Problem {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(problems)
}

// metadataFields are the fields of metadata that people write.
var metadataFields = []string{"name", "namespace", "labels", "annotations", "generateName", "finalizers", "ownerReferences"}

// unknownField names the known field that is spelled most like the unknown one.
func unknownField(path string, root *structural.Structural) Problem {
	message := "unknown field: the schema has no such field here, remove it"
	parent, name := splitPath(path)
	if near, ok := prose.Closest(name, siblings(parent, root)); ok {
		message = "unknown field: did you mean " + near + "?"
	}
	return Problem{Field: path, Message: message}
}

func splitPath(path string) (parent []string, name string) {
	segments := strings.Split(path, ".")
	for i, s := range segments {
		if bracket := strings.IndexByte(s, '['); bracket >= 0 {
			segments[i] = s[:bracket]
		}
	}
	return segments[:len(segments)-1], segments[len(segments)-1]
}

// siblings lists the properties that the schema knows at a path.
func siblings(path []string, s *structural.Structural) []string {
	if len(path) > 0 && path[0] == "metadata" {
		return metadataFields
	}
	for _, name := range path {
		if s = elementOf(s); s == nil {
			return nil
		}
		if next, ok := s.Properties[name]; ok {
			s = &next
			continue
		}
		if s.AdditionalProperties == nil || s.AdditionalProperties.Structural == nil {
			return nil
		}
		s = s.AdditionalProperties.Structural
	}
	if s = elementOf(s); s == nil {
		return nil
	}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	return names
}

// elementOf goes from a list to its items, because paths of list items have lost their index by
// now.
func elementOf(s *structural.Structural) *structural.Structural {
	for s != nil && s.Type == "array" {
		s = s.Items
	}
	return s
}
