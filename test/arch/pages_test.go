package arch

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is generated from the table of arrows anew")

// TestGenerated compares what ARCHITECTURE.md and .golangci.yaml say about the arrows with the
// table.
func TestGenerated(t *testing.T) {
	for _, g := range []struct {
		file, begin, end string
		text             string
	}{
		{"ARCHITECTURE.md", "<!-- packages: go generate ./test/arch -->\n", "<!-- end -->\n", packageTable()},
		{"ARCHITECTURE.md", "<!-- arrows: go generate ./test/arch -->\n", "<!-- end -->\n", figure()},
		{".golangci.yaml", "      rules: # generated: go generate ./test/arch\n", "        # end of what is generated\n", depguard()},
		{".golangci.yaml", "      # The pure packages: go generate ./test/arch\n", "        linters: [forbidigo]\n", forbidigo()},
	} {
		file := filepath.Join("..", "..", g.file)
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, found := strings.Cut(string(page), g.begin)
		have, after, ended := strings.Cut(rest, g.end)
		switch {
		case !found || !ended:
			t.Errorf("%s has no %q followed by %q", g.file, g.begin, g.end)
		case *update:
			if err := os.WriteFile(file, []byte(before+g.begin+g.text+g.end+after), 0o600); err != nil {
				t.Fatal(err)
			}
		case have != g.text:
			t.Errorf("%s, from %q on, is not what the table of arrows says: run \"go generate ./test/arch\"", g.file, strings.TrimSpace(g.begin))
		}
	}
}

// packageTable is the table of packages in ARCHITECTURE.md. The arrows that the figure leaves out
// stand here.
func packageTable() string {
	var b strings.Builder
	b.WriteString("\n| package | what it does | imports |\n|---|---|---|\n")
	for _, r := range table {
		does := r.does
		if r.pure {
			does += " (pure)"
		}
		imports := make([]string, len(r.imports))
		for i, name := range r.imports {
			imports[i] = "`" + name + "`"
		}
		fmt.Fprintf(&b, "| [`%s`](%s) | %s | %s |\n", r.name, r.name, does, strings.Join(imports, " "))
	}
	b.WriteString("\n")
	return b.String()
}

// figure draws the arrows, without those that follow from others: if a imports b, and b imports c,
// then an arrow from c to a would tell nothing new about the order of the packages.
func figure() string {
	var b strings.Builder
	b.WriteString("\n```mermaid\nflowchart BT\n")
	id := strings.NewReplacer("/", "_", "-", "_").Replace
	for _, r := range table {
		fmt.Fprintf(&b, "    %s[\"%s\"]\n", id(r.name), r.name)
	}
	for _, r := range table {
		for _, name := range r.imports {
			indirect := slices.ContainsFunc(r.imports, func(other string) bool { return other != name && reaches(other, name) })
			if !indirect {
				fmt.Fprintf(&b, "    %s --> %s\n", id(name), id(r.name))
			}
		}
	}
	b.WriteString("```\n\n")
	return b.String()
}

func indexOf(name string) int {
	return slices.IndexFunc(table, func(r row) bool { return r.name == name })
}

// reaches says whether one package depends on another, by the table.
func reaches(from, to string) bool {
	i := indexOf(from)
	return i >= 0 && slices.ContainsFunc(table[i].imports, func(name string) bool { return name == to || reaches(name, to) })
}

// depguard is one rule for each package, which the linter repeats in the editor: it sees direct
// imports only, and "$" means that package exactly.
func depguard() string {
	var b strings.Builder
	for _, r := range table {
		fmt.Fprintf(&b, "        %s:\n", strings.NewReplacer("/", "-", "_", "-").Replace(r.name))
		fmt.Fprintf(&b, "          files: [\"**/%s/*.go\", \"!$test\"]\n", r.name)
		if r.stdlib {
			b.WriteString("          list-mode: strict\n          allow: [$gostd]\n")
			continue
		}
		b.WriteString("          list-mode: lax\n")
		if len(r.imports) > 0 {
			b.WriteString("          allow:\n")
		}
		for _, name := range r.imports {
			fmt.Fprintf(&b, "            - %s/%s$\n", module, name)
		}
		b.WriteString("          deny:\n")
		fmt.Fprintf(&b, "            - {pkg: %s, desc: \"not among the arrows of ARCHITECTURE.md\"}\n", module)
		var outside []string
		for _, never := range r.never {
			if never = strings.TrimSuffix(never, "/"); !strings.HasPrefix(never, module) && !slices.Contains(outside, never) {
				outside = append(outside, never)
				fmt.Fprintf(&b, "            - {pkg: %s, desc: \"must not be among what this package depends on\"}\n", never)
			}
		}
	}
	return b.String()
}

// forbidigo are the files in which the linter looks for clocks, output and dice.
func forbidigo() string {
	var names []string
	for _, r := range table {
		if r.pure {
			names = append(names, r.name)
		}
	}
	return "      - path-except: ^(" + strings.Join(names, "|") + ")/[^/]+\\.go$\n"
}
