package source

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Document is one object and the place where it was read.
type Document struct {
	Object *unstructured.Unstructured
	File   string // as given, or "-" for standard input
	Index  int    // of the document in the file, from 1
	Item   int    // of the object in a List, from 1; 0 when it is not in one
	Line   int    // on which the document starts, from 1

	text chunk
	path string // of the object in the document: "" or "items[3]"
	// named says that the file itself was named. into is the namespace into which
	// a kustomization puts the object, namespace the one for an object that names
	// none.
	named           bool
	into, namespace string
}

// LineOf returns the line of a field in the file, such as spec.default.request
// or spec.targetRefs[0]. When the field is not written there, it returns the line
// of the nearest thing around it.
func (d Document) LineOf(field string) int { return lineOfField(d, field) }

// Lines is LineOf for many fields of one object: its text is parsed once.
func (d Document) Lines() func(field string) int { return linesOf(d) }

// Place says where the document stands, for people:
// "routes.yaml, document 2, line 14".
func (d Document) Place() string {
	if d.Item > 0 {
		return fmt.Sprintf("%s, document %d, item %d, line %d", d.File, d.Index, d.Item, d.Line)
	}
	return fmt.Sprintf("%s, document %d, line %d", d.File, d.Index, d.Line)
}

// Problem is one reason why the input cannot be used.
type Problem struct {
	File     string // as given, or "-" for standard input
	Document int    // from 1; 0 when the problem is with the file
	Item     int    // in a List, from 1; 0 when it is not in one
	Line     int    // of the field if it was found, else of the document; 0 when the problem is with the file
	Object   string // kind and name, such as "HTTPRoute shop/checkout"; empty when not known
	Field    string // path, such as "spec.default.request"; empty when the problem is with the object
	Message  string // what is wrong, and what to write instead
	Err      error  // the cause, when it is an error of the operating system
	Refused  bool   // the text can be read, but a server would refuse the object
}

// String returns the problem as one line: "file:line: document n: object:
// field: message".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Document > 0 {
		fmt.Fprintf(&b, ": document %d", p.Document)
	}
	if p.Item > 0 {
		fmt.Fprintf(&b, ", item %d", p.Item)
	}
	for _, s := range []string{p.Object, p.Field, p.Message} {
		if s != "" {
			b.WriteString(": ")
			b.WriteString(s)
		}
	}
	return b.String()
}

// Error is everything that is wrong with the input. A command that gets one cannot
// do its work.
type Error struct {
	Problems []Problem // sorted by file, document, line and field; never empty
}

// Error returns the problems, one on each line. If there are very many, it returns
// only the first.
func (e *Error) Error() string {
	const most = 20
	lines := make([]string, 0, min(len(e.Problems), most+1))
	for i, p := range e.Problems {
		if i == most {
			lines = append(lines, fmt.Sprintf("and %d more problems", len(e.Problems)-most))
			break
		}
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the causes that are errors of the operating system, such as
// [io/fs.ErrNotExist].
func (e *Error) Unwrap() []error {
	var errs []error
	for _, p := range e.Problems {
		if p.Err != nil {
			errs = append(errs, p.Err)
		}
	}
	return errs
}

// failure returns the problems as an error, or nil when there are none.
func failure(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	sortProblems(problems)
	return &Error{Problems: problems}
}

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(
			strings.Compare(a.File, b.File), a.Document-b.Document, a.Item-b.Item, a.Line-b.Line,
			strings.Compare(a.Field, b.Field), strings.Compare(a.Message, b.Message),
		)
	})
}

// describe names an object: kind, namespace and name.
func describe(u *unstructured.Unstructured) string {
	name := u.GetName()
	if name == "" {
		name = u.GetGenerateName()
	}
	if name == "" {
		return u.GetKind() + " without a name"
	}
	if ns := u.GetNamespace(); ns != "" {
		name = ns + "/" + name
	}
	return u.GetKind() + " " + name
}
