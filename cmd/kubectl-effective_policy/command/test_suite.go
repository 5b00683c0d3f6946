package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/edit"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/policy/source"
)

// suiteKind is the kind of files with cases for guardrails. It is not an API kind.
const suiteKind = "GuardrailSuite"

// suite is one such file.
type suite struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   map[string]any `json:"metadata"`
	Guardrails []manifest     `json:"guardrails"`
	Cases      []suiteCase    `json:"cases"`

	document source.Document
}

// suiteCase is either an input document or an edit of a world.
type suiteCase struct {
	Name      string         `json:"name"`
	Input     map[string]any `json:"input"`
	Manifests []manifest     `json:"manifests"`
	Edit      *suiteEdit     `json:"edit"`
	User      *review.Author `json:"user"`
	Allowed   *bool          `json:"allowed"`
	// Message is a part of the expected message.
	Message string `json:"message"`
}

// suiteEdit is what is applied to the manifests of a case, or removed from them.
type suiteEdit struct {
	Apply  []manifest `json:"apply"`
	Delete []manifest `json:"delete"`
}

// manifest is a file or a folder, or an object written out.
type manifest struct {
	path   string
	object map[string]any
}

// UnmarshalJSON reads a text or an object.
func (m *manifest) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &m.path)
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(data, &m.object); err != nil || m.object == nil {
		return errors.New("write a path as text, or an object")
	}
	return nil
}

func isSuite(u *unstructured.Unstructured) bool {
	return u.GetKind() == suiteKind && strings.HasPrefix(u.GetAPIVersion(), policy.Group+"/")
}

// readSuite decodes a suite strictly.
func readSuite(d source.Document) (*suite, error) {
	data, err := json.Marshal(d.Object.Object)
	if err != nil {
		return nil, err
	}
	s := &suite{document: d}
	strict, err := kjson.UnmarshalStrict(data, s, kjson.DisallowUnknownFields)
	if err != nil {
		return nil, suiteError(d, "", "%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	var errs []error
	for _, err := range strict {
		field := ""
		if m := quoted.FindStringSubmatch(err.Error()); m != nil {
			field = m[1]
		}
		errs = append(errs, suiteError(d, field, "%s", err))
	}
	if len(s.Guardrails) == 0 {
		errs = append(errs, suiteError(d, "guardrails", "guardrails is empty: list files of PolicyGuardrails, or write them out"))
	}
	for i, c := range s.Cases {
		if message := c.mistake(); message != "" {
			errs = append(errs, suiteError(d, fmt.Sprintf("cases[%d]", i), "cases[%d] %q: %s", i, c.Name, message))
		}
	}
	return s, errors.Join(errs...)
}

var quoted = regexp.MustCompile(`"([^"]+)"`)

func suiteError(d source.Document, field, format string, args ...any) error {
	return fmt.Errorf("%s:%d: document %d: %s: "+format, append([]any{d.File, d.LineOf(field), d.Index, suiteKind}, args...)...)
}

// mistake returns what is wrong with the form of a case.
func (c *suiteCase) mistake() string {
	switch {
	case c.Name == "":
		return "the case has no name: say what it shows"
	case c.Allowed == nil:
		return "the case expects nothing: write allowed: true or allowed: false"
	case (c.Input == nil) == (c.Edit == nil):
		return "write exactly one of input (a document for the rules) and edit (of manifests)"
	case c.Input != nil && (len(c.Manifests) > 0 || c.User != nil):
		return "an input is all that its rules see: write user into it, and manifests only with edit"
	case c.Edit != nil && (len(c.Edit.Apply) == 0) == (len(c.Edit.Delete) == 0):
		return "write exactly one of edit.apply and edit.delete"
	}
	return ""
}

// name returns the name of the suite in reports.
func (s *suite) name() string {
	if name, _ := s.Metadata["name"].(string); name != "" {
		return name
	}
	return filepath.Base(s.document.File)
}

// sources returns the paths of manifests, relative to the folder of the suite, and the content of
// the path "-": the manifests that are written in the suite.
func (s *suite) sources(manifests []manifest) (paths []string, written *bytes.Reader, err error) {
	var items []any
	for _, m := range manifests {
		switch {
		case m.object != nil:
			items = append(items, m.object)
		case filepath.IsAbs(m.path):
			paths = append(paths, m.path)
		default:
			paths = append(paths, filepath.Join(filepath.Dir(s.document.File), m.path))
		}
	}
	data, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	if len(items) > 0 {
		paths = append(paths, "-")
	}
	return paths, bytes.NewReader(data), err
}

// lineOfObject returns the line of the nth guardrail that is written in the suite.
func (s *suite) lineOfObject(n int) int {
	for i, m := range s.Guardrails {
		if m.object != nil {
			n--
		}
		if n == 0 {
			return s.document.LineOf(fmt.Sprintf("guardrails[%d]", i))
		}
	}
	return s.document.LineOf("guardrails")
}

// read reads manifests as they are written.
func (s *suite) read(ctx context.Context, manifests []manifest) ([]source.Document, error) {
	paths, written, err := s.sources(manifests)
	if err != nil {
		return nil, err
	}
	return source.New(paths, source.Options{Stdin: written}).Decode(ctx)
}

// change is the edit of a case, in the world of its manifests.
func (s *suite) change(ctx context.Context, c suiteCase, settings policy.Options) (*preview.Change, error) {
	paths, written, err := s.sources(c.Manifests)
	if err != nil {
		return nil, err
	}
	in, err := source.New(paths, source.Options{Stdin: written}).Read(ctx)
	if err != nil {
		return nil, err
	}
	around := edit.OfFiles(in, "default")
	around.Settings, around.Say = settings, func(*source.Input) {}
	given, remove := c.Edit.Apply, false
	if len(c.Edit.Delete) > 0 {
		given, remove = c.Edit.Delete, true
	}
	if paths, written, err = s.sources(given); err != nil {
		return nil, err
	}
	changed, _, err := around.Change(ctx, paths, source.Options{KeepRefused: true, Stdin: written}, remove)
	return changed, err
}
