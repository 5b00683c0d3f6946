package source

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Marks of a text that another program still has to fill in.
var (
	templateAction = regexp.MustCompile(`\{\{|\{%`)
	placeholder    = regexp.MustCompile(`\$\{[A-Za-z_][^}\s]*\}`)
)

// unrendered says what has to be done before a text can be read, and the line of
// the first mark that shows it, from 1. The message is empty when there is nothing
// to do.
func unrendered(text []byte) (message string, line int) {
	if bytes.IndexByte(text, '{') < 0 {
		return "", 0
	}
	at := templateAction.FindIndex(text)
	if at != nil {
		return "looks like a template: render it first (helm template)", 1 + bytes.Count(text[:at[0]], []byte("\n"))
	}
	if at = placeholder.FindIndex(text); at != nil {
		return fmt.Sprintf("holds the placeholder %s: substitute it first", text[at[0]:at[1]]), 1 + bytes.Count(text[:at[0]], []byte("\n"))
	}
	return "", 0
}

// unrenderedValue finds the first string in a value, or in a key, that another
// program still has to fill in, and the field that holds it.
func unrenderedValue(field string, value any) (at, message string) {
	switch v := value.(type) {
	case string:
		if message, _ := unrendered([]byte(v)); message != "" {
			return field, message
		}
	case []any:
		for i := range v {
			if at, message := unrenderedValue(fmt.Sprintf("%s[%d]", field, i), v[i]); message != "" {
				return at, message
			}
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			if at, message := unrenderedValue(strings.TrimPrefix(field+"."+key, "."), v[key]); message != "" {
				return at, message
			}
		}
	}
	return "", ""
}

// unrenderedIn is unrenderedValue of a whole object. Where the object is valid as
// it is, only its name and namespace count: elsewhere such a string may be intended.
func unrenderedIn(u *unstructured.Unstructured, invalid bool) (at, message string) {
	if invalid {
		return unrenderedValue("", u.Object)
	}
	if at, message = unrenderedValue("metadata.name", u.GetName()); message == "" {
		at, message = unrenderedValue("metadata.namespace", u.GetNamespace())
	}
	return at, message
}

// topLevelKind finds a line that makes a text look like a manifest.
var topLevelKind = regexp.MustCompile(`(?m)^["']?kind["']?\s*:`)
