package source

import (
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
)

// largestSearched bounds the text that is parsed a second time, only to find the
// line of a field.
const largestSearched = mebibyte

// lineOfField returns the line of a field in the file or, when it is not written
// there, of the nearest thing around it.
func lineOfField(e Document, field string) int {
	if field == "" && e.path == "" || len(e.text.data) > largestSearched {
		return e.Line
	}
	return lineIn(e, rootOf(e), field)
}

// linesOf is lineOfField for many fields of one document: its text is parsed once.
func linesOf(e Document) func(field string) int {
	var root *yamlv3.Node
	parsed := false
	return func(field string) int {
		if len(e.text.data) > largestSearched {
			return e.Line
		}
		if !parsed {
			root, parsed = rootOf(e), true
		}
		return lineIn(e, root, field)
	}
}

func rootOf(e Document) *yamlv3.Node {
	var document yamlv3.Node
	if err := yamlv3.Unmarshal(e.text.data, &document); err != nil || len(document.Content) == 0 {
		return nil
	}
	return document.Content[0]
}

func lineIn(e Document, at *yamlv3.Node, field string) int {
	if at == nil {
		return e.Line
	}
	line := at.Line
	for _, step := range steps(prefix(e.path) + field) {
		next, nextLine := child(at, step)
		if next == nil {
			break
		}
		at, line = next, nextLine
	}
	return e.text.line + line - 1
}

// steps cuts a path such as spec.targetRefs[0].group or
// metadata.labels[example.org/team] into its names, indexes and keys.
func steps(path string) []string {
	var out []string
	for path != "" {
		switch end := strings.IndexAny(path, ".["); {
		case path[0] == '[':
			closing := strings.IndexByte(path, ']')
			if closing < 0 {
				return out
			}
			out = append(out, path[1:closing])
			path = path[closing+1:]
		case path[0] == '.':
			path = path[1:]
		case end < 0:
			return append(out, path)
		default:
			out = append(out, path[:end])
			path = path[end:]
		}
	}
	return out
}
