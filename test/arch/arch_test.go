package arch

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// isTooling says which packages exist to test or to build: they may import anything, and nothing of
// the product may import them.
func isTooling(name string) bool {
	return strings.HasPrefix(name, "test/") || strings.HasPrefix(name, "charts") || strings.HasPrefix(name, "examples")
}

type pkg struct {
	ImportPath    string
	Standard      bool
	Imports, Deps []string
	GoFiles       []string
}

func TestArrows(t *testing.T) {
	packages := list(t)
	rows := map[string]row{}
	for _, r := range table {
		if rows[r.name] = r; packages[module+"/"+r.name] == nil {
			t.Errorf("the table of arrows names %s, which does not exist", r.name)
		}
	}
	for path, p := range packages {
		name, mine := strings.CutPrefix(path, module+"/")
		if !mine || isTooling(name) || len(p.GoFiles) == 0 {
			continue
		}
		r, known := rows[name]
		if !known {
			t.Errorf("package %s is not in the table of arrows (test/arch/table_test.go): decide what it may import and add it", name)
			continue
		}
		checkImports(t, r, p)
		checkDependencies(t, r, p, packages)
	}
}

// checkImports compares the arrows of one package with those of its row, in both directions.
func checkImports(t *testing.T, r row, p *pkg) {
	t.Helper()
	used := map[string]bool{}
	for _, imported := range p.Imports {
		other, ofOurs := strings.CutPrefix(imported, module+"/")
		switch {
		case !ofOurs:
		case isTooling(other):
			t.Errorf("%s imports %s, which is for tests and builds", r.name, other)
		case !slices.Contains(r.imports, other):
			t.Errorf("%s may not import %s: the arrow is not in test/arch/table_test.go", r.name, other)
		default:
			used[other] = true
		}
	}
	for _, allowed := range r.imports {
		if !used[allowed] {
			t.Errorf("%s may import %s, but does not: take the arrow out of test/arch/table_test.go", r.name, allowed)
		}
	}
	if !slices.IsSorted(r.imports) {
		t.Errorf("the imports of %s are not sorted in test/arch/table_test.go", r.name)
	}
}

// checkDependencies looks for what must not be among the dependencies of a package, however far down.
func checkDependencies(t *testing.T, r row, p *pkg, packages map[string]*pkg) {
	t.Helper()
	for _, dep := range p.Deps {
		if r.stdlib && (packages[dep] == nil || !packages[dep].Standard) {
			t.Errorf("%s may import the standard library alone, and depends on %s", r.name, dep)
		}
		for _, never := range r.never {
			if dep == never || (strings.HasSuffix(never, "/") && strings.HasPrefix(dep, never)) {
				t.Errorf("%s must never depend on %s", r.name, dep)
			}
		}
	}
}

// list is every package of the module with all it depends on.
func list(t *testing.T) map[string]*pkg {
	t.Helper()
	command := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps,GoFiles", module+"/...")
	out, err := command.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	packages := map[string]*pkg{}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		p := &pkg{}
		if err := decoder.Decode(p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
}
