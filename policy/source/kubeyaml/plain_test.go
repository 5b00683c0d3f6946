package kubeyaml

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	yamlv2 "go.yaml.in/yaml/v2"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// parserReads is what kubectl makes of a document.
func parserReads(data []byte) (any, error) {
	text, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, err
	}
	var value any
	_, err = kjson.UnmarshalStrict(text, &value)
	return value, err
}

// readsTheSame holds what is read without the parser, and without JSON, to what both make of it.
func readsTheSame(t interface {
	Helper()
	Fatalf(string, ...any)
}, data []byte) (isPlain bool) {
	t.Helper()
	want, err := parserReads(data)
	value, isPlain := readPlain(data)
	if isPlain && (err != nil || !reflect.DeepEqual(value, want)) {
		t.Fatalf("read as %#v, the parser reads %#v, %v, in\n%s", value, want, err, data)
	}
	var direct any
	if yamlv2.UnmarshalStrict(data, &direct) == nil {
		if same, ok := asJSON(direct, 0); ok && (err != nil || !reflect.DeepEqual(same, want)) {
			t.Fatalf("without JSON it is %#v, and %#v, %v, with it, in\n%s", same, want, err, data)
		}
	}
	return isPlain
}

// pieces are what lines are made of.
var pieces = []string{
	"a", "b", "name", "a.b/c-d", "yes", "No", "null", "~", "true", "y", "on", "é",
	"a: ", "b: ", "name:", "c:", ": ", ":", "- ", "-", "  ", " ", "? ", "{}", "[]", "{", "}", "[", "]", ", ",
	"1", "0", "007", "10s", "1e3", "0x1F", "0b1", "0o7", "1_0", "1.5", "12:30", "2001-12-14", "10.0.0.1", "9223372036854775807", "99999999999999999999", "-1", ".5",
	"'a'", `"a b"`, "'it''s'", `"\n"`, `"`, "'", " # c", "#", "# c", "|", ">", "&x ", "*x", "!!str ", "<<: ", "\t", "http://a:80/b", "%", "@", "`", "=", "(a)", "$x", "\r",
}

func TestPlainDocumentsAreReadAsTheParserReadsThem(t *testing.T) {
	plain := 0
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for range rapid.IntRange(1, 7).Draw(t, "lines") {
			text.WriteString(strings.Repeat(" ", rapid.SampledFrom([]int{0, 0, 0, 1, 2, 2, 2, 4, 4, 6}).Draw(t, "indent")))
			if rapid.IntRange(0, 2).Draw(t, "is an entry") > 0 {
				text.WriteString(rapid.SampledFrom([]string{"a: ", "b: ", "c:", "d: ", "- ", "- a: ", "- - ", "e:"}).Draw(t, "entry"))
			}
			for range rapid.IntRange(0, 3).Draw(t, "pieces") {
				text.WriteString(rapid.SampledFrom(pieces).Draw(t, "piece"))
			}
			text.WriteString("\n")
		}
		if readsTheSame(t, []byte(text.String())) {
			plain++
		}
	})
	if plain == 0 {
		t.Error("none of the documents is plain")
	}
}

func FuzzPlainDocumentsAreReadAsTheParserReadsThem(f *testing.F) {
	for _, seed := range append([]string{"a: 1\n", "a:\n- b\n-\n  - c: d\n", "a: b\n  c\n", "a:\n  b: 'x' # c\n# d\n  e: {}\n"}, pieces...) {
		f.Add([]byte(seed))
		f.Add([]byte("a: " + seed + "\nb:\n- " + seed + "\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) { readsTheSame(t, data) })
}

// The manifests of this repository, and those in its golden files, one document at a time.
func TestManifestsAreReadAsTheParserReadsThem(t *testing.T) {
	plain, all := 0, 0
	read := func(data []byte) {
		for _, document := range bytes.Split(data, []byte("\n---")) {
			if all++; readsTheSame(t, document) {
				plain++
			}
		}
	}
	for _, folder := range []string{"examples", "crds", "charts", "test/golden"} {
		err := filepath.WalkDir(filepath.Join("../../..", folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			switch filepath.Ext(path) {
			case ".yaml":
				read(data)
			case ".txtar":
				for _, file := range txtar.Parse(data).Files {
					read(file.Data)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if t.Logf("%d of %d documents are plain", plain, all); plain < 100 {
		t.Errorf("only %d of %d documents are plain", plain, all)
	}
}
