package arch

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What fits on a screen, and in a head.
const (
	longestFunction = 60 // lines
	mostFunctions   = 35 // lines of all but one in twenty
	longestFile     = 500
	mostFiles       = 15 // of a package, besides doc.go
)

// listsOfEquals are packages with more files, because most of these are of one kind: subcommands.
// ARCHITECTURE.md says of each why it is not cut.
var listsOfEquals = []string{"cmd/kubectl-effective_policy/command"}

// The code keeps to its sizes. "go test ./test/arch -run Sizes -v" prints the figures.
func TestSizes(t *testing.T) {
	var functions []int
	files, longest, fset := map[string]int{}, 0, token.NewFileSet()
	for _, root := range []string{"hierarchy", "policy", "webhook", "cmd", "crds"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasPrefix(d.Name(), "zz_generated") {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			folder := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), filepath.Join("..", "..")+string(filepath.Separator)))
			if d.Name() != "doc.go" {
				files[folder]++
			}
			lines := bytes.Count(data, []byte("\n"))
			if longest = max(longest, lines); lines > longestFile {
				t.Errorf("%s has %d lines, %d at most: give each idea a file", path, lines, longestFile)
			}
			file, err := parser.ParseFile(fset, path, data, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Body == nil {
					continue
				}
				n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1
				if functions = append(functions, n); n > longestFunction {
					t.Errorf("%s: %s has %d lines, %d at most", fset.Position(f.Pos()), f.Name.Name, n, longestFunction)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(functions)
	p95, median := functions[len(functions)*95/100], functions[len(functions)/2]
	if p95 > mostFunctions {
		t.Errorf("one function in twenty has more than %d lines, %d at most", p95, mostFunctions)
	}
	for folder, n := range files {
		if n > mostFiles && !slices.Contains(listsOfEquals, folder) {
			t.Errorf("%s has %d files, %d at most: cut it, or say that it is a list of equals", folder, n, mostFiles)
		}
	}
	t.Logf("%d functions: longest %d lines, p95 %d, median %d; longest file %d lines",
		len(functions), functions[len(functions)-1], p95, median, longest)
	for _, folder := range listsOfEquals {
		t.Logf("%s is a list of equals of %d files", folder, files[folder])
	}
}
