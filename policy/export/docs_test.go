package export_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/policy/export"
)

var update = flag.Bool("update", false, "write the generated tables of docs/enforcement.md anew")

const page = "../../docs/enforcement.md"

// TestThePageHasTheTables: docs/enforcement.md says what the tables in the code
// say.
func TestThePageHasTheTables(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for name, table := range map[string]string{"planes": planesTable(), "exporters": exportersTable(), "reasons": reasonsTable()} {
		got = section(t, got, name, table)
	}
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), got); diff != "" {
		t.Errorf("run \"go test ./policy/export -run TestThePage -update\" (-page +tables):\n%s", diff)
	}
}

// section puts a table between its marks.
func section(t *testing.T, text, name, table string) string {
	t.Helper()
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end: "+name+" -->"
	before, rest, ok := strings.Cut(text, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table of %s", page, name)
	}
	return before + begin + "\n" + table + "\n" + end + after
}

func planesTable() string {
	var b strings.Builder
	b.WriteString("| controllerName | data plane | exporter | standard fields of routes that it reads |\n|---|---|---|---|\n")
	for _, p := range export.Planes() {
		var reads []string
		for _, f := range []struct {
			name string
			is   bool
		}{{"request", p.Request}, {"backend", p.Backend}, {"retry", p.Retry}} {
			if f.is {
				reads = append(reads, f.name)
			}
		}
		exporter := "none"
		if p.Exporter != "" {
			exporter = "`" + p.Exporter + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Controller, p.Title, exporter, orNone(strings.Join(reads, ", ")))
	}
	return b.String()
}

func exportersTable() string {
	var b strings.Builder
	b.WriteString("| exporter | writes | into routes | state |\n|---|---|---|---|\n")
	for _, r := range export.Exporters() {
		var kinds []string
		for _, k := range r.Kinds {
			kinds = append(kinds, "`"+k.Kind+"."+k.Group+"`")
		}
		injects, state := "no", "runs in the cluster"
		if r.Injects {
			injects = "with consent"
		}
		if r.Experimental {
			state = "experimental: computes and reports, writes nothing in a cluster"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name(), orNone(strings.Join(kinds, ", ")), injects, state)
	}
	return b.String()
}

func reasonsTable() string {
	var b strings.Builder
	b.WriteString("| reason | outcome | says |\n|---|---|---|\n")
	for _, r := range export.Reasons() {
		says := r.Says
		if r.Unused != "" {
			says += " (not given yet: " + r.Unused + ")"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Reason, r.Verdict, says)
	}
	return b.String()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
