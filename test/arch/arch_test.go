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

const module = "github.com/attache-dev/attache"

// rule says what a package may import of ours, and what its whole dependency
// graph must not contain.
type rule struct {
	// ours are the packages of this module it may import directly; "*" is any.
	ours []string
	// never are import paths, or prefixes ending in "/", that must not be among
	// its dependencies, however far down.
	never []string
	// stdlib allows nothing but the standard library.
	stdlib bool
}

var (
	clients = []string{"k8s.io/client-go/", "sigs.k8s.io/controller-runtime", "sigs.k8s.io/controller-runtime/"}
	engines = []string{"github.com/google/cel-go/", "github.com/open-policy-agent/opa/"}
)

func plus(lists ...[]string) []string { return slices.Concat(lists...) }

// rules are the arrows. A package that is not in the table fails the test, so
// that nobody adds a room without deciding where its doors are.
var rules = map[string]rule{
	"hierarchy":            {ours: []string{"hierarchy/persistent", "hierarchy/prose"}, never: plus(clients, engines)},
	"hierarchy/persistent": {stdlib: true},
	"hierarchy/prose":      {stdlib: true},
	"policy/merge":         {stdlib: true},
	"policy": {ours: []string{"hierarchy", "hierarchy/persistent", "policy/merge"},
		never: plus(clients, engines, []string{module + "/policy/v1alpha1"})},
	"policy/v1alpha1": {never: clients},
	"policy/effective": {ours: []string{"hierarchy", "policy", "policy/merge"},
		never: plus(clients, engines, []string{module + "/policy/v1alpha1"})},
	"policy/validate": {ours: []string{"hierarchy/prose", "policy"}, never: clients},
	"policy/status":   {ours: []string{"hierarchy/prose", "hierarchy", "policy", "policy/effective", "policy/merge"}, never: plus(clients, engines)},
	"policy/explain":  {ours: []string{"hierarchy/prose", "hierarchy", "policy", "policy/effective", "policy/merge"}, never: plus(clients, engines)},
	"policy/preview":  {ours: []string{"hierarchy/prose", "hierarchy", "policy", "policy/effective", "policy/guardrail", "policy/explain"}, never: plus(clients, engines)},
	"policy/source":   {ours: []string{"hierarchy/prose", "policy", "policy/validate", "crds"}, never: clients},
	"policy/source/cluster": {ours: []string{"hierarchy/prose", "hierarchy", "hierarchy/persistent", "policy", "policy/validate", "policy/source", "policy/status", "policy/guardrail", "crds"},
		never: []string{module + "/webhook", module + "/policy/controller"}},
	"policy/controller": {ours: []string{"hierarchy/prose", "hierarchy", "hierarchy/persistent", "policy", "policy/effective", "policy/status", "policy/guardrail", "policy/export", "policy/source/cluster"},
		never: []string{module + "/webhook"}},
	"webhook": {ours: []string{"hierarchy/prose", "hierarchy", "policy", "policy/effective", "policy/merge", "policy/status", "policy/validate", "policy/guardrail", "policy/guardrail/celrule", "policy/guardrail/regorule"},
		never: []string{module + "/policy/controller", module + "/policy/source/cluster"}},
	"policy/access":                        {ours: []string{"hierarchy"}, never: plus(engines, []string{module + "/policy/controller", module + "/policy/source/cluster"})},
	"cmd/attache":                          {ours: []string{"*"}},
	"cmd/kubectl-effective_policy":         {ours: []string{"*"}, never: []string{module + "/webhook", module + "/policy/controller"}},
	"cmd/kubectl-effective_policy/command": {ours: []string{"*"}, never: []string{module + "/webhook", module + "/policy/controller"}},
	"policy/guardrail":                     {ours: []string{"hierarchy/prose", "hierarchy", "policy", "policy/effective", "policy/merge"}, never: plus(clients, engines)},
	"policy/guardrail/celrule": {ours: []string{"hierarchy/prose", "policy/guardrail"},
		never: plus(clients, []string{module + "/policy/guardrail/regorule", "github.com/open-policy-agent/opa/"})},
	"policy/guardrail/regorule": {ours: []string{"hierarchy/prose", "policy/guardrail"},
		never: plus(clients, []string{module + "/policy/guardrail/celrule", "github.com/google/cel-go/"})},
	"crds": {stdlib: true},
}

// tests are packages that exist to test or to build; they may import anything,
// and nothing of the product may import them.
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
	for path, p := range packages {
		name, mine := strings.CutPrefix(path, module+"/")
		if !mine || isTooling(name) || len(p.GoFiles) == 0 {
			continue
		}
		rule, known := rules[name]
		if !known {
			t.Errorf("package %s is not in the table of arrows: decide what it may import and add it", name)
			continue
		}
		for _, imported := range p.Imports {
			other, ofOurs := strings.CutPrefix(imported, module+"/")
			switch {
			case !ofOurs:
			case isTooling(other):
				t.Errorf("%s imports %s, which is for tests and builds", name, other)
			case !slices.Contains(rule.ours, "*") && !slices.Contains(rule.ours, other):
				t.Errorf("%s may not import %s", name, other)
			}
		}
		for _, dep := range p.Deps {
			if rule.stdlib && (packages[dep] == nil || !packages[dep].Standard) {
				t.Errorf("%s may import the standard library alone, and depends on %s", name, dep)
			}
			for _, never := range rule.never {
				if dep == never || (strings.HasSuffix(never, "/") && strings.HasPrefix(dep, never)) {
					t.Errorf("%s must never depend on %s", name, dep)
				}
			}
		}
	}
	for name := range rules {
		if packages[module+"/"+name] == nil {
			t.Errorf("the table of arrows names %s, which does not exist", name)
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
