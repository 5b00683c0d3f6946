package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writing are the names of client methods that change something on an API server.
var writing = []string{"Create", "Update", "UpdateStatus", "Patch", "Apply", "ApplyStatus", "Delete", "DeleteCollection", "DeleteAllOf", "Post", "Put"}

// TestThePageOnlyReads checks that the code that serves the page has no client, and that the code
// that reads for it calls no method that writes.
func TestThePageOnlyReads(t *testing.T) {
	for path, p := range list(t) {
		name, mine := strings.CutPrefix(path, module+"/")
		if !mine || name != "policy/console" && !strings.HasPrefix(name, "policy/console/") {
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "k8s.io/client-go") || strings.HasPrefix(imported, "sigs.k8s.io/controller-runtime") {
				t.Errorf("%s imports %s: who makes a Source reads it", name, imported)
			}
		}
	}
	var files []string
	for _, pattern := range []string{"command/ui*.go", "workspace/*.go", "planes/*.go", "edit/*.go"} {
		found, err := filepath.Glob("../../cmd/kubectl-effective_policy/" + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no file of %s reads for the page: %v", pattern, err)
		}
		files = append(files, found...)
	}
	wrapped := false
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if !isCall {
				return true
			}
			method, isMethod := call.Fun.(*ast.SelectorExpr)
			if isMethod && slices.Contains(writing, method.Sel.Name) {
				t.Errorf("%s calls %s: the page gets, lists and watches", filepath.Base(file), method.Sel.Name)
			}
			if isMethod && method.Sel.Name == "WithWrapConfigFn" {
				wrapped = true
			}
			return true
		})
	}
	if !wrapped {
		t.Error("the connection of the page is not wrapped in one that only reads")
	}
}
