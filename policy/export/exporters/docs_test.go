package exporters_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/policy/export/field"
)

var update = flag.Bool("update", false, "write the generated tables of docs/enforcement.md anew")

const page = "../../../docs/enforcement.md"

// TestThePageHasTheTables: docs/enforcement.md says what the tables in the code
// say.
func TestThePageHasTheTables(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for name, table := range map[string]string{"planes": planesTable(), "exporters": exportersTable(), "reasons": reasonsTable(), "fields": fieldsTable(t)} {
		got = section(t, got, name, table)
	}
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), got); diff != "" {
		t.Errorf("run \"go test ./policy/export/exporters -run TestThePage -update\" (-page +tables):\n%s", diff)
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

// documented is an effective policy that sets every field; limits are for everybody.
func documented(key string) *export.Effective {
	return &export.Effective{Values: map[string]map[string]any{
		field.TimeoutPolicy: {"request": "30s", "backend": "5s", "connect": "2s", "idle": "1m"},
		field.RetryPolicy: {"maxRetries": int64(3), "retryOn": []any{"5xx", "connect-failure"}, "backoffPolicy": "exponential",
			"backoffBase": "100ms", "backoffMax": "1s", "perTryTimeout": "4s"},
		field.RateLimitPolicy: {"requestsPerSecond": int64(10), "burst": int64(5), "key": key, "counter": "Rule"},
	}}
}

// fieldsTable says what becomes of each field on each data plane, for a route of one named rule with
// one match on one listener, whose owner consents, and with the HTTPRoute CRD of Gateway API 1.7.
func fieldsTable(t *testing.T) string {
	t.Helper()
	cells := map[string]map[string]string{} // by field and plane
	var titles, rows []string
	for _, plane := range export.Planes() {
		exporter, served := exporters.Lookup(plane.Exporter)
		if !served || slices.Contains(titles, plane.Title) {
			continue
		}
		titles = append(titles, plane.Title)
		for _, key := range []string{"All", "ClientIP", "Header:x-tenant"} {
			gateway := hierarchy.GatewayRef("infra", "public")
			in := export.Input{
				Route: hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout"), Version: "v1",
				Rules: []export.Rule{{Name: "pay", Matches: 1}},
				Paths: []export.Path{{Listener: &hierarchy.Listener{Ref: gateway.WithSection("http"), Gateway: gateway}, Controller: plane.Controller,
					Hostnames: 1, Consent: true, Effective: documented(key)}},
				Fields:     export.StandardFields{Timeouts: true, Retry: true, DefaultAttempts: 1, FiltersMax: 16},
				Parameters: export.Parameters{Version: "1.9.1"},
			}
			for _, o := range exporter.Project(in).Outcomes[0] {
				row := o.Field.Policy + " `" + o.Field.Name + "`"
				switch {
				case o.Field.Name == "key":
					row = o.Field.Policy + " `key: " + key + "`"
				case o.Field.Policy == field.RateLimitPolicy && key != "All":
					continue
				}
				if cells[row] == nil {
					cells[row], rows = map[string]string{}, append(rows, row)
				}
				cell := "yes"
				switch o.Verdict {
				case export.Degraded:
					cell = "`" + string(o.Reason) + "`"
				case export.Unsupported:
					cell = "no: `" + string(o.Reason) + "`"
				}
				cells[row][plane.Title] = cell
			}
		}
	}
	slices.Sort(rows)
	var b strings.Builder
	fmt.Fprintf(&b, "| field | %s |\n|---%s|\n", strings.Join(titles, " | "), strings.Repeat("|---", len(titles)))
	for _, row := range rows {
		line := "| " + row
		for _, title := range titles {
			line += " | " + cells[row][title]
		}
		b.WriteString(line + " |\n")
	}
	return b.String()
}

func exportersTable() string {
	var b strings.Builder
	b.WriteString("| exporter | writes | into routes | state |\n|---|---|---|---|\n")
	for _, r := range exporters.All() {
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
