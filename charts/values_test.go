package charts

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write what is generated from the values anew")

const tableBegin, tableEnd = "<!-- values: go generate ./charts -->\n", "<!-- end -->\n"

// TestTheTableOfValues compares the chart's README with its values.
func TestTheTableOfValues(t *testing.T) {
	table := tableOf(t)
	file := filepath.Join("attache", "README.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), tableBegin)
	_, after, closed := strings.Cut(rest, tableEnd)
	if !found || !closed {
		t.Fatalf("%s has no %q and %q", file, tableBegin, tableEnd)
	}
	text := before + tableBegin + table + tableEnd + after
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if text != string(page) {
		t.Errorf(`%s does not have the values of values.yaml: run "go generate ./charts"`, file)
	}
}

func tableOf(t *testing.T) string {
	t.Helper()
	text, err := files.ReadFile("attache/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	out.WriteString("| value | default | meaning |\n|---|---|---|\n")
	rows(t, &out, "", document.Content[0])
	return out.String()
}

// rows writes a row for each value that has a meaning of its own.
func rows(t *testing.T, out *bytes.Buffer, path string, node *yaml.Node) {
	t.Helper()
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name := strings.TrimPrefix(path+"."+key.Value, ".")
		_, meaning, documented := strings.Cut(key.HeadComment, "# -- ")
		if value.Kind == yaml.MappingNode && len(value.Content) > 0 && !documented {
			rows(t, out, name, value)
			continue
		}
		if !documented {
			t.Errorf(`value %s has no meaning: write "# -- " and what it is for above it`, name)
		}
		meaning = strings.Join(strings.Fields(strings.ReplaceAll(meaning, "\n#", "\n")), " ")
		fmt.Fprintf(out, "| `%s` | `%s` | %s |\n", name, defaultOf(t, value), strings.ReplaceAll(meaning, "|", `\|`))
	}
}

func defaultOf(t *testing.T, value *yaml.Node) string {
	t.Helper()
	var v any
	if err := value.Decode(&v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
