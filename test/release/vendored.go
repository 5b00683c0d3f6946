package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// page is the package that the page's libraries are built into.
	page = "github.com/attache-dev/attache/policy/console/page"
	// vendored are those libraries, with a table of what they are.
	vendored = "policy/console/page/vendor"
)

// library is a package from npm whose code is in a program.
type library struct {
	name, version string
	license       string // its SPDX identifier
	folder        string
}

func (l library) String() string { return l.name + " " + l.version }

// purl is the package URL. A scope is written with its at sign encoded.
func (l library) purl() string {
	return "pkg:npm/" + strings.Replace(l.name, "@", "%40", 1) + "@" + l.version
}

// librariesOf are the libraries of the page, if a program has it.
func librariesOf(ctx context.Context, pkg string) ([]library, error) {
	listed, err := exec.CommandContext(ctx, "go", "list", "-deps", pkg).Output()
	if err != nil {
		return nil, fmt.Errorf("asking go what %s is built from: %w", pkg, err)
	}
	if !slices.Contains(strings.Fields(string(listed)), page) {
		return nil, nil
	}
	return readLibraries(vendored)
}

// readLibraries reads the table in a folder's README.md: folder, package, version and licence. Every
// folder has to be in it.
func readLibraries(root string) ([]library, error) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var libraries []library
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		l := library{folder: filepath.Join(root, entry.Name())}
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(strings.TrimSpace(line), "|")
			if len(cells) >= 6 && strings.TrimSpace(cells[1]) == "`"+entry.Name()+"`" {
				l.name, l.version, l.license = strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3]), strings.TrimSpace(cells[4])
			}
		}
		if l.name == "" || l.version == "" || l.license == "" {
			return nil, fmt.Errorf("%s/README.md does not say package, version and licence of %s", root, entry.Name())
		}
		libraries = append(libraries, l)
	}
	return libraries, nil
}
