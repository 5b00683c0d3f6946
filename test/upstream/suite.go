package upstream

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const module = "sigs.k8s.io/gateway-api"

// Suite is what could be read of the conformance suite.
type Suite struct {
	// Folder is where its module is.
	Folder string
	Tests  []Test
	// Skipped are tests with requests of which no case could be read.
	Skipped []string
}

// Test is one test of the suite.
type Test struct {
	Name string
	// Manifests are paths below Folder.
	Manifests []string
	Cases     []Case
}

// Case is one request with what is expected.
type Case struct {
	// Gateway is the namespace/name of the Gateway that is asked, and Listener
	// the one whose port is; empty for the first.
	Gateway, Listener string
	GRPC              bool
	Host, Method      string
	// Path has the query with it.
	Path    string
	Headers map[string]string
	// TLS says that the request is made over TLS.
	TLS bool
	// Codes are the status codes of which one is expected; none means 200.
	Codes []int
	// Backend and Namespace are where the request has to go, empty for nowhere.
	Backend, Namespace string
	// Redirect has what is expected of the Location; a field that is empty is
	// not asserted.
	Redirect *Redirect
	// ForwardedHost and ForwardedPath are what the backend has to see, empty for
	// what was sent.
	ForwardedHost, ForwardedPath string
}

// Redirect is where a redirect is expected to lead.
type Redirect struct{ Scheme, Host, Port, Path string }

// Read finds the module of the conformance suite, of the same version as
// Gateway API's, and reads the tests whose names have one of the prefixes.
func Read(prefixes ...string) (*Suite, error) {
	folder, err := locate()
	if err != nil {
		return nil, err
	}
	suite := &Suite{Folder: folder}
	files, err := filepath.Glob(filepath.Join(folder, "tests", "*.go"))
	if err != nil {
		return nil, err
	}
	constants, err := readConstants(filepath.Join(folder, "utils", "suite"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := suite.readFile(file, prefixes, constants); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(suite.Tests, func(a, b Test) int { return strings.Compare(a.Name, b.Name) })
	if len(suite.Tests) == 0 {
		return nil, fmt.Errorf("no test in %s has any of the prefixes %q", folder, prefixes)
	}
	return suite, nil
}

// locate asks go for the module, which downloads it when it is not there.
func locate() (string, error) {
	version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("go list -m %s: %w", module, err)
	}
	wanted := module + "/conformance@" + strings.TrimSpace(string(version))
	out, err := exec.Command("go", "mod", "download", "-json", wanted).Output()
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w\n%s", wanted, err, out)
	}
	var answer struct{ Dir string }
	if err := json.Unmarshal(out, &answer); err != nil || answer.Dir == "" {
		return "", fmt.Errorf("go mod download %s says %s", wanted, out)
	}
	return answer.Dir, nil
}

// Manifest reads one of the suite's files.
func (s *Suite) Manifest(name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(s.Folder, filepath.FromSlash(name)))
	return string(data), err
}

// Base is the name of the manifest that all tests have.
const Base = "base/manifests.yaml"

// readConstants reads the string constants of a package.
func readConstants(folder string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	constants := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return nil, err
		}
		for _, declaration := range parsed.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.CONST {
				continue
			}
			for _, spec := range general.Specs {
				value := spec.(*ast.ValueSpec)
				for i, name := range value.Names {
					if i < len(value.Values) {
						if text, ok := literal(value.Values[i]); ok {
							constants[name.Name] = text
						}
					}
				}
			}
		}
	}
	return constants, nil
}

func (s *Suite) readFile(file string, prefixes []string, constants map[string]string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return err
	}
	for _, declaration := range parsed.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.VAR {
			continue
		}
		for _, spec := range general.Specs {
			value := spec.(*ast.ValueSpec)
			if len(value.Values) != 1 {
				continue
			}
			if test, ok := value.Values[0].(*ast.CompositeLit); ok && named(test.Type, "ConformanceTest") {
				s.readTest(test, prefixes, constants)
			}
		}
	}
	return nil
}

func (s *Suite) readTest(literal *ast.CompositeLit, prefixes []string, constants map[string]string) {
	r := &reader{constants: constants, texts: map[string]string{}, names: map[string]string{}, gateways: map[string][2]string{}, tables: map[string]ast.Expr{}}
	test := Test{Name: r.text(field(literal, "ShortName"))}
	if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(test.Name, p) }) {
		return
	}
	if list, ok := field(literal, "Manifests").(*ast.CompositeLit); ok {
		for _, e := range list.Elts {
			test.Manifests = append(test.Manifests, r.text(e))
		}
	}
	body, ok := field(literal, "Test").(*ast.FuncLit)
	if !ok {
		return
	}
	r.read(body)
	test.Cases = r.cases
	if len(test.Cases) > 0 {
		s.Tests = append(s.Tests, test)
	} else if r.requests {
		s.Skipped = append(s.Skipped, test.Name)
	}
}
