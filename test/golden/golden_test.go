package golden_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/command"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/v1alpha1"
)

var update = flag.Bool("update", false, "write the expected sections anew")

// The sections that are not inputs and not command lines.
const (
	flagsSection     = "flags"
	effectiveSection = "effective"
	hierarchySection = "hierarchy"
	statusSection    = "status"
	recordsSection   = "records"
	// editsFolder has inputs that take the place of others, laterPrefix
	// is before sections that are expected then.
	editsFolder = "after/"
	laterPrefix = "after: "
)

// isInput recognises sections that are files to be read.
var isInput = regexp.MustCompile(`^[\w./-]+\.(yaml|yml|json)$`)

// rulesLine is the line of the prose that names the rules.
var rulesLine = regexp.MustCompile(`(?m)^Shows: (.+)\.$`)

// goldenFiles lists the files of this package.
func goldenFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".txtar") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 5 {
		t.Fatalf("only %d golden files were found: %q", len(files), files)
	}
	return files
}

func TestGoldenFiles(t *testing.T) {
	for _, file := range goldenFiles(t) {
		t.Run(strings.TrimSuffix(file, ".txtar"), func(t *testing.T) {
			t.Parallel()
			checkFile(t, file)
		})
	}
}

func checkFile(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !rulesLine.Match(archive.Comment) {
		t.Error(`the prose must end with a line "Shows: R14, semantics 3.1." that names what the file shows`)
	}
	world := newWorld(t, archive)
	expected := 0
	for i, section := range archive.Files {
		if isInput.MatchString(section.Name) || section.Name == flagsSection {
			continue
		}
		expected++
		got := world.section(t, section.Name)
		if *update {
			archive.Files[i].Data = got
			continue
		}
		if diff := cmp.Diff(string(section.Data), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", section.Name, diff)
		}
	}
	if expected == 0 {
		t.Error("the file expects nothing")
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// world is the input of one file, on disk.
type world struct {
	folder string
	files  map[string][]byte
	flags  []string
	// args are the flags that make a command read the input.
	args []string
	// before and after are the same input edited, if the file has that.
	before, after *world
}

func newWorld(t *testing.T, archive *txtar.Archive) *world {
	t.Helper()
	w := &world{folder: t.TempDir(), files: map[string][]byte{}}
	for _, section := range archive.Files {
		switch {
		case section.Name == flagsSection:
			w.flags = strings.Fields(expandFlags(t, string(section.Data)))
		case isInput.MatchString(section.Name):
			w.files[section.Name] = section.Data
		}
	}
	w.after = later(t, w)
	w.write(t)
	return w
}

// write puts the input on disk.
func (w *world) write(t *testing.T) {
	t.Helper()
	for name, data := range w.files {
		path := filepath.Join(w.folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		w.args = []string{"-R", "-f", w.folder}
	}
}

func (w *world) section(t *testing.T, name string) []byte {
	if edited, ok := strings.CutPrefix(name, laterPrefix); ok {
		if w.after == nil {
			t.Fatalf("%q is expected, and no input is below %s", name, editsFolder)
		}
		return w.after.section(t, edited)
	}
	switch name {
	case effectiveSection:
		return w.effective(t)
	case hierarchySection:
		return w.hierarchy(t)
	case statusSection:
		return w.status(t)
	case recordsSection:
		return w.records(t)
	}
	out, errOut, code := w.run(t, words(name)...)
	return w.transcript(out, errOut, code)
}

// words splits a command line at spaces, except between single quotes.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			list = append(list, part)
			continue
		}
		list = append(list, strings.Fields(part)...)
	}
	return list
}

// run runs the real command on the input.
func (w *world) run(t *testing.T, args ...string) (out, errOut string, code int) {
	t.Helper()
	input, files := w.args, []string{"-f", "--base", "--before", "--guardrail", "--standard-fields"}
	if args[0] == "migrate" {
		files = append(files, "--routes", "--report") // which are no files for export
	}
	for i, arg := range args {
		if i > 0 && slices.Contains(files, args[i-1]) { // the command says itself what it reads
			args[i], input = filepath.Join(w.folder, arg), nil
		}
	}
	args = slices.Concat([]string{"kubectl-effective_policy"}, args, input, w.flags)
	var stdout, stderr bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &stdout, ErrOut: &stderr}
	code = command.Main(context.Background(), args, streams, "")
	return stdout.String(), stderr.String(), code
}

// transcript is what a person would have seen, without the folder's name.
func (w *world) transcript(out, errOut string, code int) []byte {
	var b strings.Builder
	b.WriteString(out)
	if out != "" && !strings.HasSuffix(out, "\n") { // a section of an archive ends in one
		b.WriteString("\n")
	}
	for line := range strings.Lines(errOut) {
		b.WriteString("! " + strings.TrimSuffix(line, "\n") + "\n")
	}
	if code != 0 {
		fmt.Fprintf(&b, "exit %d\n", code)
	}
	return []byte(strings.ReplaceAll(b.String(), w.folder+"/", ""))
}

// effective is "get -o json" in one line for each scope and kind.
func (w *world) effective(t *testing.T) []byte {
	t.Helper()
	out, errOut, code := w.run(t, "get", "-o", "json")
	if code != 0 {
		return w.transcript(out, errOut, code)
	}
	var list struct {
		APIVersion, Kind string
		Items            []v1alpha1.EffectivePolicy
	}
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&list); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	place := func(n v1alpha1.NamespacedName) string { return n.Namespace + "/" + n.Name }
	for _, item := range list.Items {
		fmt.Fprintf(&b, "%s %s/%s\n", item.TargetRef.Kind, item.Namespace, item.TargetRef.Name)
		for _, s := range item.Status.Scopes {
			var parents []string
			for _, p := range s.Parents {
				name := place(p.Gateway) + " " + p.Listener
				if p.ListenerSet != nil {
					name = place(p.Gateway) + " " + place(*p.ListenerSet) + " " + p.Listener
				}
				parents = append(parents, name)
			}
			rules := hierarchy.RuleSet{All: s.Rules == nil}
			for _, r := range s.Rules {
				rules.Rules = append(rules.Rules, hierarchy.RuleRef{Index: int(r.Index), Name: r.Name})
			}
			fmt.Fprintf(&b, "  %s: %s\n", strings.Join(parents, ", "), rules)
			for _, kind := range sortedKeys(s.Effective) {
				var value bytes.Buffer
				if err := json.Compact(&value, s.Effective[kind].Raw); err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "    %s %s\n", kind, value.String())
			}
			said := map[string]bool{} // several policies may state one field
			for _, n := range s.NotApplicable {
				if field := n.Policy + "." + n.Field; !said[field] {
					said[field] = true
					fmt.Fprintf(&b, "    not applicable: %s\n", field)
				}
			}
			for _, i := range s.Invalid {
				fmt.Fprintf(&b, "    invalid: %s: %s\n", i.Policy, i.Message)
			}
		}
	}
	return w.transcript(b.String(), errOut, code)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
