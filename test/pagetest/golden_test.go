package pagetest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/attache-dev/attache/test/pagetest"
)

var update = flag.Bool("update", false, "write the expected sections anew")

// TestGoldenAnswers asks what each file of testdata asks, in its order, and compares the answers:
// "GET name?query" and "POST name SECTION" with the text of another section, which stands before it
// and ends in ".edit". Sections that end in ".yaml" are the manifests.
func TestGoldenAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden file: %v", err)
	}
	asked := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { goldenAnswers(t, file, asked) })
	}
	for _, name := range []string{
		"summary", "tree", "effective", "bindings", "search", "request", "routes", "map", "policies", "describe",
		"enforcement", "object", "guardrails", "reverse", "whatif",
	} {
		if !asked[name] {
			t.Errorf("no golden file asks /api/v1/%s", name)
		}
	}
}

func goldenAnswers(t *testing.T, file string, asked map[string]bool) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // so that places are the names of the sections
	texts := map[string]string{}
	for _, section := range archive.Files {
		texts[section.Name] = string(section.Data)
		if strings.HasSuffix(section.Name, ".yaml") {
			if err := os.WriteFile(section.Name, section.Data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	page := pagetest.Open(t, "-f", ".")
	defer page.Close()
	for i, section := range archive.Files {
		method, question, isQuestion := strings.Cut(section.Name, " ")
		if !isQuestion {
			continue
		}
		var code int
		var text string
		switch method {
		case "GET":
			name, query, _ := strings.Cut(question, "?")
			values, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			asked[name] = true
			code, text = page.Ask(name, values)
		case "POST":
			_, edit, _ := strings.Cut(question, " ")
			code, text = page.Try(texts[edit], false)
		default:
			t.Fatalf("%q is neither GET nor POST", section.Name)
		}
		if strings.HasPrefix(question, "whatif") && code == http.StatusOK {
			text = withoutSentences(t, text)
		}
		if question == "guardrails" { // which fields a stored guardrail has is its CRD's to say
			text = regexp.MustCompile(`"spec":\{.*\}(\}\]\})`).ReplaceAllString(text, `"spec":{}$1`)
		}
		got := []byte(fmt.Sprintf("%d\n%s\n", code, indented(t, text)))
		if *update {
			archive.Files[i].Data = got
			continue
		}
		if diff := cmp.Diff(string(section.Data), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", section.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(filepath.Join(home, file), txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// withoutSentences is an edit's answer without what check says in prose, which golden files of its own
// hold.
func withoutSentences(t *testing.T, text string) string {
	t.Helper()
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	check, _ := answer["check"].(map[string]any)
	if check["warnings"] == nil {
		t.Errorf("there are no warnings in %s", text)
	}
	delete(check, "warnings")
	delete(check, "denial")
	short, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(short)
}

// lineWidth is how long a value of an answer may be and stay in one line.
const lineWidth = 150

// indented is JSON with every value in one line that fits into one.
func indented(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	var write func(raw json.RawMessage, indent string)
	write = func(raw json.RawMessage, indent string) {
		var list []json.RawMessage
		var object map[string]json.RawMessage
		switch {
		case len(indent)+len(raw) <= lineWidth:
			out.Write(raw)
		case json.Unmarshal(raw, &list) == nil:
			out.WriteString("[\n")
			for i, item := range list {
				out.WriteString(indent + "  ")
				write(item, indent+"  ")
				out.WriteString(comma(i, len(list)))
			}
			out.WriteString(indent + "]")
		case json.Unmarshal(raw, &object) == nil:
			out.WriteString("{\n")
			keys := keysOf(t, raw)
			for i, key := range keys {
				fmt.Fprintf(&out, "%s  %q: ", indent, key)
				write(object[key], indent+"  ")
				out.WriteString(comma(i, len(keys)))
			}
			out.WriteString(indent + "}")
		default:
			out.Write(raw)
		}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(text)); err != nil {
		t.Fatalf("no JSON: %v in %s", err, text)
	}
	write(compact.Bytes(), "")
	return out.String()
}

func comma(i, n int) string {
	if i < n-1 {
		return ",\n"
	}
	return "\n"
}

// keysOf are the keys of an object in their order.
func keysOf(t *testing.T, raw json.RawMessage) []string {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	var keys []string
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, fmt.Sprint(key))
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}
