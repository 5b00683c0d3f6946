package decode

import (
	"fmt"
	"iter"
	"strconv"
	"unique"

	"github.com/attache-dev/attache/hierarchy"
)

// reader reads fields of an unstructured object of any shape. A value of the wrong type is reported
// and then treated as absent, so that one bad field hides nothing else. It never changes or keeps
// what it reads.
type reader struct {
	ref      hierarchy.Ref
	problems []hierarchy.Problem
	// pathless leaves the paths of fields empty. Hardly any route has a problem, so routes are read
	// without paths first, and again with them if there is one.
	pathless bool
}

func (r *reader) problem(field, format string, args ...any) {
	r.problems = append(r.problems, hierarchy.Problem{Ref: r.ref, Field: field, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) wrongType(path, key string, value any, instead string) {
	r.problem(r.join(path, key), "is %s; %s", describe(value), instead)
}

// join appends a key to a field path.
func (r *reader) join(path, key string) string {
	switch {
	case r.pathless:
		return ""
	case path == "":
		return key
	}
	return path + "." + key
}

// at appends an index to a field path.
func (r *reader) at(path string, i int) string {
	if r.pathless {
		return ""
	}
	return path + "[" + strconv.Itoa(i) + "]"
}

// describe names a value's type as people who write YAML know it.
func describe(value any) string {
	switch value.(type) {
	case nil:
		return "empty"
	case string:
		return "text"
	case bool:
		return "true or false (to YAML, so are yes, no, on and off)"
	case int, int32, int64, float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", value)
}

// object reads an object; nil when there is none.
func (r *reader) object(from map[string]any, path, key string) map[string]any {
	switch v := from[key].(type) {
	case nil:
		return nil
	case map[string]any:
		return v
	default:
		r.wrongType(path, key, v, `write an object: fields of the form "name: value" below it`)
		return nil
	}
}

// list reads a list; nil when there is none.
func (r *reader) list(from map[string]any, path, key string) []any {
	switch v := from[key].(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		r.wrongType(path, key, v, `write a list: "- " before every entry`)
		return nil
	}
}

// text reads a string, and returns otherwise when there is none. An empty string is returned as it
// is: in a group it means the core group.
func (r *reader) text(from map[string]any, path, key, otherwise string) string {
	switch v := from[key].(type) {
	case nil:
		return otherwise
	case string:
		return v
	default:
		r.wrongType(path, key, v, "write text; put it in quotes if it looks like something else")
		return otherwise
	}
}

// required reads a string that must not be empty; "" after reporting it.
func (r *reader) required(from map[string]any, path, key, example string) string {
	if _, present := from[key].(string); !present && from[key] != nil {
		return r.text(from, path, key, "")
	}
	v := r.text(from, path, key, "")
	if v == "" {
		r.problem(r.join(path, key), "is missing; write for example %q", key+": "+example)
	}
	return v
}

// number reads a whole number; 0 when there is none.
func (r *reader) number(from map[string]any, path, key string) int64 {
	switch v := from[key].(type) {
	case nil:
		return 0
	case int64:
		return v
	case int32:
		return int64(v)
	case int:
		return int64(v)
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
		r.wrongType(path, key, v, "write a whole number")
		return 0
	default:
		r.wrongType(path, key, v, "write a number, without quotes")
		return 0
	}
}

// port reads a port number; 0 when there is none.
func (r *reader) port(from map[string]any, path, key string) int32 {
	n := r.number(from, path, key)
	if n < 0 || n > 65535 {
		r.problem(r.join(path, key), "is %d; write a port number from 1 to 65535", n)
		return 0
	}
	return int32(n)
}

// texts reads a list of strings.
func (r *reader) texts(from map[string]any, path, key string) []string {
	list := r.list(from, path, key)
	if len(list) == 0 {
		return nil
	}
	texts := make([]string, 0, len(list))
	for i, v := range list {
		if s, ok := v.(string); ok {
			texts = append(texts, s)
			continue
		}
		r.wrongType("", r.at(r.join(path, key), i), v, "write text; put it in quotes if it looks like something else")
	}
	return texts
}

// labels reads a map of strings; nil when it is empty.
func (r *reader) labels(from map[string]any, path, key string) map[string]string {
	object := r.object(from, path, key)
	if len(object) == 0 {
		return nil
	}
	labels := make(map[string]string, len(object))
	for name, v := range object {
		if s, ok := v.(string); ok {
			labels[name] = s
		}
	}
	if len(labels) == len(object) {
		return labels
	}
	for _, name := range sortedKeys(object) {
		if _, ok := object[name].(string); !ok {
			r.wrongType(r.join(path, key), name, object[name], "write text; put it in quotes if it looks like something else")
		}
	}
	return labels
}

// item is one entry of a list of objects, with its position.
type item struct {
	index  int
	path   string
	fields map[string]any
}

// items iterates over the entries of a list of objects.
func (r *reader) items(from map[string]any, path, key string) iter.Seq[item] {
	return func(yield func(item) bool) {
		for i, v := range r.list(from, path, key) {
			path := r.at(r.join(path, key), i)
			fields, ok := v.(map[string]any)
			if !ok {
				r.wrongType("", path, v, `write an object: fields of the form "name: value"`)
				continue
			}
			if !yield(item{i, path, fields}) {
				return
			}
		}
	}
}

// defaults are what a reference means when it leaves fields out.
type defaults struct{ group, kind, namespace string }

// reference reads the group, kind, namespace and name of a reference, and
// false (with the problem reported) when it names nothing.
func (r *reader) reference(fields map[string]any, path string, otherwise defaults) (hierarchy.Ref, bool) {
	name := r.required(fields, path, "name", "my-"+otherwiseName(otherwise.kind))
	if name == "" {
		return hierarchy.Ref{}, false
	}
	namespace := r.text(fields, path, "namespace", otherwise.namespace)
	if namespace == "" {
		namespace = otherwise.namespace
	}
	kind := r.text(fields, path, "kind", otherwise.kind)
	if kind == "" {
		r.problem(r.join(path, "kind"), "is missing; write the kind that the reference names")
		return hierarchy.Ref{}, false
	}
	group := r.text(fields, path, "group", otherwise.group)
	return hierarchy.NewRef(canonical(group), canonical(kind), canonical(namespace), canonical(name)), true
}

func otherwiseName(kind string) string {
	switch kind {
	case "Gateway":
		return "gateway"
	case "Service":
		return "service"
	case "Secret":
		return "certificate"
	}
	return "object"
}

// canonical returns one copy of a string that occurs in many objects. It saves
// memory, and comparing a string with itself is cheap.
func canonical(s string) string { return unique.Make(s).Value() }
