package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// logKeys are the keys of log lines, each with what stands under it. One thing has one key everywhere,
// so that whoever searches for an object or an error searches once. A new key is a line here.
var logKeys = map[string]string{
	"authority":   "the serial number of a certificate authority",
	"bytes":       "an amount of memory or data",
	"crd":         "the name of a CustomResourceDefinition",
	"decision":    "what a review decided",
	"delay":       "how long something waits",
	"dryRun":      "whether a request is one that stores nothing",
	"error":       "what went wrong, where the line is no error of ours",
	"field":       "the path of a field",
	"folder":      "a folder of files",
	"from":        "the address that a call came from",
	"in":          "after how long something is tried again",
	"kind":        "the kind of an object",
	"message":     "what somebody was told",
	"moreBefore":  "how many lines like this one were left out",
	"name":        "the name of an object",
	"namespace":   "the namespace of an object",
	"next":        "whether there is a successor",
	"object":      "an object: its kind, namespace and name",
	"objects":     "a number of objects",
	"operation":   "what a request does: CREATE, UPDATE, DELETE",
	"patches":     "a number of changes to an object",
	"policyKinds": "a number of policy kinds",
	"reason":      "one word for why",
	"required":    "whether the process is not ready without it",
	"resource":    "an API resource: plural and group",
	"result":      "what the API server made of a write",
	"secret":      "the namespace and name of a Secret",
	"stack":       "where a panic happened",
	"took":        "how long something took",
	"trusted":     "a number of certificate authorities",
	"until":       "when something ends",
	"user":        "the name of a user",
	"verb":        "how something is written",
	"version":     "the version of this program",
	"waited":      "how long something had to wait",
	"warnings":    "a number of warnings",
	"webhook":     "the name of a webhook",
}

// logCall is a call that writes a line: its message and its keys.
type logCall struct {
	at      token.Position
	message ast.Expr
	pairs   []ast.Expr
}

// logCalls finds the calls of Info and Error on a logger in the code of one folder and below.
func logCalls(t *testing.T, fset *token.FileSet, root string) []logCall {
	t.Helper()
	var calls []logCall
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if message := messageAt(call); message >= 0 && message < len(call.Args) {
					calls = append(calls, logCall{fset.Position(call.Pos()), call.Args[message], call.Args[message+1:]})
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

// messageAt is which argument of a call is the message of a log line, -1 where it is none.
func messageAt(call *ast.CallExpr) int {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return -1
	}
	on := method.X
	if level, ok := on.(*ast.CallExpr); ok { // log.V(1).Info
		if v, ok := level.Fun.(*ast.SelectorExpr); ok && v.Sel.Name == "V" {
			on = v.X
		}
	}
	name := ""
	switch on := on.(type) {
	case *ast.Ident:
		name = on.Name
	case *ast.SelectorExpr:
		name = on.Sel.Name
	}
	switch {
	case !strings.EqualFold(name, "log") && !strings.EqualFold(name, "logger"):
		return -1
	case method.Sel.Name == "Info":
		return 0
	case method.Sel.Name == "Error":
		return 1
	}
	return -1
}

// Log messages are as Kubernetes has them: they begin with a capital and end without a full stop,
// and what varies has a known key.
func TestLogLinesAreAlike(t *testing.T) {
	fset, used, lines := token.NewFileSet(), map[string]bool{}, 0
	for _, root := range []string{"policy", "webhook", "cmd"} {
		for _, call := range logCalls(t, fset, filepath.Join("..", "..", root)) {
			lines++
			message := textOf(call.message)
			if message == "" || !unicode.IsUpper(rune(message[0])) || strings.HasSuffix(message, ".") {
				t.Errorf("%s: a message is a constant, begins with a capital and has no full stop: %q", call.at, message)
			}
			for i := 0; i < len(call.pairs); i += 2 {
				key := textOf(call.pairs[i])
				if used[key] = true; logKeys[key] == "" {
					t.Errorf("%s: key %q is not in logKeys: take one that is, or add it with its meaning", call.at, key)
				}
			}
			if len(call.pairs)%2 != 0 {
				t.Errorf("%s: a key has no value", call.at)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(logKeys)) {
		if !used[key] {
			t.Errorf("key %q is in logKeys, and no line has it", key)
		}
	}
	if lines < 25 {
		t.Errorf("only %d log lines were found", lines)
	}
}

// textOf is the value of a constant text, also of one in several parts.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err == nil {
			return text
		}
	case *ast.BinaryExpr:
		return textOf(e.X) + textOf(e.Y)
	}
	return ""
}
