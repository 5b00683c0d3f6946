package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	"github.com/attache-dev/attache/policy/source/kubeyaml"
)

// decoder turns the text of one file into objects.
type decoder struct {
	file      string
	limits    Limits
	documents []Document
	problems  []Problem
	passed    []Problem
	index     int // of the current document
	// lenient says that the text was found in a folder, which may hold other files
	// than manifests.
	lenient bool
}

var byteOrderMark = []byte("\ufeff")

// Decode reads the objects in one text of YAML or JSON documents. They are
// neither defaulted nor validated. file names the text in documents and
// problems.
func Decode(data []byte, file string, limits Limits) ([]Document, []Problem) {
	d := &decoder{file: file, limits: limits.withDefaults()}
	d.decode(data)
	return d.documents, d.problems
}

func (d *decoder) decode(data []byte) {
	data = bytes.TrimPrefix(data, byteOrderMark)
	if line, ok := firstNonUTF8(data); ok && d.lenient {
		d.passed = append(d.passed, Problem{File: d.file, Line: line, Message: "is not UTF-8 text"})
		return
	} else if ok {
		d.problems = append(d.problems, Problem{File: d.file, Line: line, Message: "is not UTF-8 text here: save the file as UTF-8"})
		return
	}
	if first := bytes.TrimLeft(data, " \t\r\n"); len(first) > 0 && (first[0] == '{' || first[0] == '[') && d.decodeJSON(data) {
		return
	}
	chunks := split(data)
	values := make([]kubeyaml.Parsed, len(chunks))
	inParallel(len(chunks), func(i int) {
		if len(chunks[i].data) <= d.limits.Document {
			values[i] = kubeyaml.Parse(chunks[i].data)
		}
	})
	for i, c := range chunks {
		d.index++
		if d.fits(c) {
			d.addParsed(c, values[i])
		}
	}
}

// fits reports whether a document is within the limit, and adds a problem if it is not.
func (d *decoder) fits(c chunk) bool {
	if len(c.data) <= d.limits.Document {
		return true
	}
	d.fail(c, 0, fmt.Sprintf("the document has %s, the limit is %s: put it in several documents", size(len(c.data)), size(d.limits.Document)))
	return false
}

// decodeJSON reads a stream of JSON values. It returns false, having done
// nothing, when the text is not JSON: then it may be YAML in flow style.
func (d *decoder) decodeJSON(data []byte) bool {
	stream := json.NewDecoder(bytes.NewReader(data))
	var values []chunk
	line, counted := 1, 0
	for {
		var raw json.RawMessage
		if err := stream.Decode(&raw); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return false
		}
		end := int(stream.InputOffset())
		start := end - len(raw)
		line += bytes.Count(data[counted:start], []byte("\n"))
		counted = start
		values = append(values, chunk{data: data[start:end], line: line})
	}
	for _, c := range values {
		d.index++
		if d.fits(c) {
			d.decodeValue(c, c.data)
		}
	}
	return true
}

// addParsed adds the objects of a parsed YAML document.
func (d *decoder) addParsed(c chunk, p kubeyaml.Parsed) {
	switch {
	case p.Err != nil:
		d.failYAML(c, p.Err)
		return
	case p.Empty():
		d.index-- // an empty document does not count
		return
	}
	if !p.TextKeys {
		if line, message := alikeKeys(c.data); message != "" {
			c.line += line - 1
			d.fail(c, 0, message)
			return
		}
	}
	if p.JSON != nil {
		d.decodeValue(c, p.JSON)
		return
	}
	size := unknownSize
	if isSmall(c.data, d.limits.Object) {
		size = 0
	}
	d.addValue(c, p.Value, size)
}

// expansion bounds how many bytes of JSON one byte of JSON, or of YAML without aliases, can become: six
// where it is written as an escape, and fewer where it stands for a null or for a power of ten.
const expansion = 8

// isSmall reports whether no object in a document can reach a limit, however it is written as JSON.
func isSmall(data []byte, limit int) bool {
	return len(data) <= limit/expansion && bytes.IndexByte(data, '&') < 0
}

func (d *decoder) decodeValue(c chunk, data []byte) {
	var value any
	strict, err := kjson.UnmarshalStrict(data, &value, kjson.DisallowDuplicateFields)
	if err != nil {
		d.fail(c, 0, strings.TrimPrefix(err.Error(), "json: "))
		return
	}
	for _, err := range strict {
		d.fail(c, 0, err.Error()+": write it once")
	}
	if len(strict) > 0 {
		return
	}
	d.addValue(c, value, len(data))
}

// addValue adds the objects of a document's value, which has a number of bytes as JSON.
func (d *decoder) addValue(c chunk, value any, bytes int) {
	object, ok := value.(map[string]any)
	if !ok {
		d.pass(c, 0, "is not an object: write apiVersion, kind, metadata and spec")
		return
	}
	items := 0
	d.add(c, object, bytes, "", &items)
}

// unknownSize is the size of an object whose size has to be determined.
const unknownSize = -1

// add adds an object, or every object of a List, however deeply nested.
func (d *decoder) add(c chunk, object map[string]any, bytes int, path string, item *int) {
	if inner, ok := listItems(object); ok {
		if bytes > d.limits.Object/expansion {
			bytes = unknownSize // of the items
		}
		for i, value := range inner {
			child := fmt.Sprintf("%sitems[%d]", prefix(path), i)
			*item++
			o, ok := value.(map[string]any)
			if !ok {
				d.fail(c, *item, child+" is not an object: write apiVersion, kind, metadata and spec")
				continue
			}
			if _, nested := listItems(o); nested {
				*item--
			}
			inherit(o, object)
			d.add(c, o, bytes, child, item)
		}
		return
	}
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	switch {
	case isEncrypted(object):
		d.pass(c, *item, "is encrypted: decrypt it first (sops --decrypt)")
		return
	case strings.HasPrefix(apiVersion, "kustomize.config.k8s.io/"):
		d.pass(c, *item, "is a kustomization: build it first (kustomize build)")
		return
	case apiVersion != "" && kind != "":
	case !isManifest(object):
		d.pass(c, *item, "is not a Kubernetes object: it has no apiVersion or no kind")
		return
	default:
		d.fail(c, *item, "has no apiVersion or no kind: write both, as text, at the start of the document")
		return
	}
	if bytes == unknownSize {
		data, err := json.Marshal(object)
		if err != nil {
			d.fail(c, *item, err.Error())
			return
		}
		bytes = len(data)
	}
	u := &unstructured.Unstructured{Object: object}
	if bytes > d.limits.Object {
		d.fail(c, *item, fmt.Sprintf("%s has %s, the limit is %s: a cluster stores no larger object", describe(u), size(bytes), size(d.limits.Object)))
		return
	}
	d.documents = append(d.documents, Document{
		Object: u, File: d.file, Index: d.index, Item: *item, Line: c.line,
		text: c, path: path,
	})
}

// listItems returns the objects of a List, or of a list of one kind such as an
// HTTPRouteList.
func listItems(object map[string]any) ([]any, bool) {
	kind, _ := object["kind"].(string)
	items, ok := object["items"].([]any)
	if !ok {
		// A server writes an empty list as null.
		_, has := object["items"]
		return nil, has && object["items"] == nil && strings.HasSuffix(kind, "List")
	}
	return items, strings.HasSuffix(kind, "List")
}

// inherit fills in the apiVersion and kind of an item in a list of one kind.
func inherit(item, list map[string]any) {
	kind, _ := list["kind"].(string)
	if kind == "List" {
		return
	}
	if _, ok := item["kind"]; !ok {
		item["kind"] = strings.TrimSuffix(kind, "List")
	}
	if _, ok := item["apiVersion"]; !ok {
		item["apiVersion"] = list["apiVersion"]
	}
}

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + "."
}

func (d *decoder) fail(c chunk, item int, message string) {
	d.problems = append(d.problems, Problem{File: d.file, Document: d.index, Item: item, Line: c.line, Message: message})
}

// failYAML turns the error of the YAML parser into problems. Their lines are lines
// in the file, while the parser knows only lines in the document.
func (d *decoder) failYAML(c chunk, err error) {
	message, line := unrendered(c.data)
	if message != "" {
		c.line += line - 1
	}
	switch {
	case message != "" && d.lenient:
		d.pass(c, 0, message)
		return
	case message != "":
		d.fail(c, 0, message)
		return
	case d.lenient && !topLevelKind.Match(c.data):
		d.pass(c, 0, "is not a Kubernetes object: it is not YAML")
		return
	}
	for _, mistake := range kubeyaml.MistakesIn(err) {
		at := c
		at.line += max(mistake.Line, 1) - 1
		d.fail(at, 0, "is not YAML: "+mistake.Message)
	}
}

// firstNonUTF8 returns the line of the first byte that is not UTF-8.
func firstNonUTF8(data []byte) (line int, found bool) {
	if utf8.Valid(data) {
		return 0, false
	}
	line = 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 {
			return line, true
		}
		if r == '\n' {
			line++
		}
		data = data[n:]
	}
	return 0, false
}
