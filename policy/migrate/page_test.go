package migrate_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/attache-dev/attache/policy/migrate/controller"
)

// TestTablesOnThePage: docs/migrating-tables.md is generated from the tables.
func TestTablesOnThePage(t *testing.T) {
	const page = "../../docs/migrating-tables.md"
	var b strings.Builder
	b.WriteString("# What becomes of annotations\n\n" +
		"Generated from the tables in `policy/migrate/controller` by `go test ./policy/migrate -run Page -update`;\n" +
		"`kubectl effective-policy migrate annotations` prints the same. [Migrating from Ingress](migrating.md)\n" +
		"says what the words mean. A name that ends in `*` stands for all names that begin like that.\n")
	for _, table := range controller.Tables("") {
		fmt.Fprintf(&b, "\n## %s\n\n%d annotations", table.Controller, len(table.Annotations))
		if len(table.Keys) > 0 {
			fmt.Fprintf(&b, " and %d keys of the ConfigMap", len(table.Keys))
		}
		b.WriteString(", from " + table.Source + ".\n\n| name | on | becomes | status | when lost | a bad value |\n|---|---|---|---|---|---|\n")
		for i := range table.Annotations {
			row := &table.Annotations[i]
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", row.Name, row.Scope, cell(row.Becomes), row.Status, row.Effect, bad(row))
		}
		for i := range table.Keys {
			row := &table.Keys[i]
			fmt.Fprintf(&b, "| ConfigMap `%s` | %s | %s | %s | %s | |\n", row.Name, row.Scope, cell(row.Becomes), row.Status, row.Effect)
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(have), b.String()); diff != "" {
		t.Errorf("%s: run go test ./policy/migrate -run Page -update (- page, + tables):\n%s", page, diff)
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// bad is what a value does that the parser does not take.
func bad(row *controller.Row) string {
	if row.Valid == controller.Any {
		return "every value is taken"
	}
	return map[controller.Bad]string{
		controller.BadDefault: "passed over", controller.BadRefuse: "the Ingress is refused", controller.BadDeny: "503",
	}[row.Bad]
}
