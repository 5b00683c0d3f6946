// Package edits is a corpus of edits with the verdict that each must get. A
// verdict does not depend on who is asked: package guardrail, the command, and the
// webhook on a real API server are compared with the same files.
//
// A file is a txtar archive. Its comment says what it shows. Then:
//
//   - "-- world.yaml --": what there is before, as a person would write it.
//     Objects are created in the order in which they stand there, all before the
//     edit.
//   - "-- guardrails --": files of examples/guardrails that are in force, too.
//   - "-- edit.yaml --": the one object that is created, or takes the place of the
//     one with its name; or "-- delete.yaml --": the one that is deleted.
//   - "-- user.yaml --": username and groups of who does it, and reads, the
//     namespaces whose objects answers may name besides that of the edit; all of them
//     when it is left out. Without this section it is [Somebody].
//   - "-- verdict --": "allowed" or "denied"; then, indented, the message of the
//     denial, and a line "warning: …" for each warning.
//
// Policies of namespace [Platform] alone may target a GatewayClass.
//
// "go test ./test/edits -update" rewrites the verdicts. Review the difference as
// if somebody else had made it.
package edits

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy/source"
)

// Platform is the namespace whose policies may target a GatewayClass.
const Platform = "infra"

// Somebody makes an edit when a file does not say who does.
var Somebody = User{Username: "jane", Groups: []string{"dev"}}

// User is who makes an edit.
type User struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
	// Reads are the namespaces whose objects answers may name besides that of the edit;
	// nil is all of them.
	Reads []string `json:"reads"`
}

// Case is one edit.
type Case struct {
	// Name is that of the file, About its comment.
	Name, About string
	// World is what there is before, guardrails included, in the order in which it
	// is created. Objects are as written: neither defaulted nor validated.
	World []*unstructured.Unstructured
	// Edit is the object that is written, or deleted.
	Edit    *unstructured.Unstructured
	Delete  bool
	User    User
	Verdict Verdict

	path    string
	archive *txtar.Archive
}

// Verdict is what must be answered.
type Verdict struct {
	Denied   bool
	Message  string // of the denial
	Warnings []string
}

// String is the verdict in the form that files have.
func (v Verdict) String() string {
	var b strings.Builder
	if v.Denied {
		b.WriteString("denied\n")
		for line := range strings.Lines(v.Message + "\n") {
			b.WriteString("  " + line)
		}
	} else {
		b.WriteString("allowed\n")
	}
	for _, w := range v.Warnings {
		b.WriteString("warning: " + w + "\n")
	}
	return b.String()
}

// Read reads the corpus. root is the folder of the module.
func Read(root string) ([]Case, error) {
	paths, err := filepath.Glob(filepath.Join(root, "test", "edits", "*.txtar"))
	if err != nil {
		return nil, err
	}
	cases := make([]Case, 0, len(paths))
	for _, path := range paths {
		c, err := read(root, path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func read(root, path string) (Case, error) {
	c := Case{Name: strings.TrimSuffix(filepath.Base(path), ".txtar"), User: Somebody, path: path}
	var err error
	if c.archive, err = txtar.ParseFile(path); err != nil {
		return c, err
	}
	c.About = string(c.archive.Comment)
	for _, section := range c.archive.Files {
		if err := c.section(root, section.Name, section.Data); err != nil {
			return c, fmt.Errorf("%s: %w", section.Name, err)
		}
	}
	if c.Edit == nil {
		return c, fmt.Errorf("there is no edit")
	}
	return c, nil
}

func (c *Case) section(root, name string, data []byte) error {
	switch name {
	case "world.yaml":
		objects, err := decode(name, data)
		c.World = append(c.World, objects...)
		return err
	case "guardrails":
		for _, file := range strings.Fields(string(data)) {
			text, err := os.ReadFile(filepath.Join(root, "examples", "guardrails", file))
			if err != nil {
				return err
			}
			objects, err := decode(file, text)
			if err != nil {
				return err
			}
			c.World = append(c.World, objects...)
		}
		return nil
	case "edit.yaml", "delete.yaml":
		objects, err := decode(name, data)
		if err == nil && (len(objects) != 1 || c.Edit != nil) {
			err = fmt.Errorf("an edit is of one object")
		}
		if err == nil {
			c.Edit, c.Delete = objects[0], name == "delete.yaml"
		}
		return err
	case "user.yaml":
		c.User = User{}
		return yaml.UnmarshalStrict(data, &c.User)
	case "verdict":
		c.Verdict = parse(string(data))
		return nil
	}
	return fmt.Errorf("no section is called so")
}

func decode(name string, data []byte) ([]*unstructured.Unstructured, error) {
	documents, problems := source.Decode(data, name, source.Limits{})
	if len(problems) > 0 {
		return nil, &source.Error{Problems: problems}
	}
	objects := make([]*unstructured.Unstructured, len(documents))
	for i, d := range documents {
		objects[i] = d.Object
	}
	return objects, nil
}

func parse(text string) Verdict {
	v := Verdict{}
	var message []string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "denied" {
			v.Denied = true
		}
		if said, ok := strings.CutPrefix(line, "  "); ok {
			message = append(message, said)
		}
		if said, ok := strings.CutPrefix(line, "warning: "); ok {
			v.Warnings = append(v.Warnings, said)
		}
	}
	v.Message = strings.Join(message, "\n")
	return v
}

// Write writes another verdict into the file of a case.
func (c *Case) Write(v Verdict) error {
	section := txtar.File{Name: "verdict", Data: []byte(v.String())}
	for i, f := range c.archive.Files {
		if f.Name != section.Name {
			continue
		}
		if bytes.Equal(f.Data, section.Data) {
			return nil
		}
		c.archive.Files[i] = section
		return os.WriteFile(c.path, txtar.Format(c.archive), 0o644)
	}
	c.archive.Files = append(c.archive.Files, section)
	return os.WriteFile(c.path, txtar.Format(c.archive), 0o644)
}
