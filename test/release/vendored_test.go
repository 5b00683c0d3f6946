package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLibrariesOfThePageAreAccountedFor reads what is said of the libraries that are built into the
// page, and finds it in the licences and in the bill of materials of a program that has the page.
func TestLibrariesOfThePageAreAccountedFor(t *testing.T) {
	t.Chdir("../..")
	for pkg, want := range map[string]int{"./cmd/kubectl-effective_policy": 3, "./crds": 0} {
		if found, err := librariesOf(t.Context(), pkg); len(found) != want || err != nil {
			t.Errorf("%s has the libraries %v, %v", pkg, found, err)
		}
	}
	libraries, err := readLibraries(vendored)
	if err != nil {
		t.Fatal(err)
	}
	r := release{version: "v1.2.3", out: t.TempDir()}
	program := filepath.Join(r.out, "program")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.writeLicenses(t.Context(), program, libraries), r.writeMaterials(program, libraries)); err != nil {
		t.Fatal(err)
	}
	licenses, err := os.ReadFile(program + ".licenses.txt")
	if err != nil {
		t.Fatal(err)
	}
	materials, err := os.ReadFile(program + ".cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Components   []component
		Dependencies []struct{ DependsOn []string }
	}
	if err := json.Unmarshal(materials, &document); err != nil {
		t.Fatal(err)
	}
	for _, l := range libraries {
		own, err := termsOf(l.folder)
		if err != nil || !strings.Contains(string(licenses), l.String()) || !strings.Contains(string(licenses), own[0]) {
			t.Errorf("the licences lack %s, %v", l, err)
		}
		i := slices.IndexFunc(document.Components, func(c component) bool { return c.PURL == l.purl() })
		if i < 0 || !slices.Contains(document.Dependencies[0].DependsOn, l.purl()) {
			t.Errorf("the bill of materials lacks %s", l.purl())
			continue
		}
		if c := document.Components[i]; c.Name != l.name || c.Version != l.version || len(c.Licenses) != 1 || c.Licenses[0].License.ID != "MIT" {
			t.Errorf("%s is %+v", l, c)
		}
	}
	if scoped := (library{name: "@preact/signals", version: "1.2.3"}).purl(); scoped != "pkg:npm/%40preact/signals@1.2.3" {
		t.Errorf("the package URL is %s", scoped)
	}
}

// TestALibraryThatNobodyDescribesIsRefused adds a library without a row in the table.
func TestALibraryThatNobodyDescribesIsRefused(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "README.md"), []byte("| `a` | a | 1.0.0 | MIT | `a.mjs` |\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if libraries, err := readLibraries(root); err != nil || len(libraries) != 1 {
		t.Fatalf("%v, %v", libraries, err)
	}
	if err := os.Mkdir(filepath.Join(root, "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := readLibraries(root); err == nil || !strings.Contains(err.Error(), "licence of b") {
		t.Errorf("the error is %v", err)
	}
}
