package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// licensesName is what the licences of others are called in an archive.
const licensesName = "THIRD-PARTY-LICENSES.txt"

// licenseFile is how projects call the files with their terms.
var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|copyright|patents)([.-].*)?$`)

// terms is a text, and the modules that come under it.
type terms struct {
	text    string
	modules []string
}

// writeLicenses writes the licences of all modules that were linked into a program, of the libraries in
// its page, and of Go itself, beside it: most ask for that. Modules with the same text share it.
func (r release) writeLicenses(ctx context.Context, program string, libraries []library) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	folders, err := moduleFolders(ctx, info.Deps)
	if err != nil {
		return err
	}
	for _, l := range libraries {
		folders[l.String()] = l.folder
	}
	var all []*terms
	for _, name := range sorted(folders) {
		texts, err := termsOf(folders[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, text := range texts {
			i := slices.IndexFunc(all, func(t *terms) bool { return t.text == text })
			if i < 0 {
				all = append(all, &terms{text: text})
				i = len(all) - 1
			}
			all[i].modules = append(all[i].modules, name)
		}
	}
	var out strings.Builder
	for _, t := range all {
		fmt.Fprintf(&out, "%s\n\n%s\n\n%s\n\n", strings.Join(t.modules, "\n"), t.text, strings.Repeat("=", 80))
	}
	return os.WriteFile(program+".licenses.txt", []byte(out.String()), 0o644)
}

// moduleFolders are where the source of modules is, by path and version; and that of Go.
func moduleFolders(ctx context.Context, modules []*debug.Module) (map[string]string, error) {
	arguments := []string{"list", "-m", "-f", "{{.Path}} {{.Version}}\t{{.Dir}}"}
	for _, m := range modules {
		arguments = append(arguments, m.Path)
	}
	listed, err := exec.CommandContext(ctx, "go", arguments...).Output()
	if err != nil {
		return nil, fmt.Errorf("asking go where modules are: %w", err)
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("asking go where it is: %w", err)
	}
	folder, version, _ := strings.Cut(string(bytes.TrimSpace(root)), "\n")
	folders := map[string]string{"Go " + version: folder}
	for line := range strings.Lines(string(listed)) {
		name, folder, _ := strings.Cut(strings.TrimSpace(line), "\t")
		folders[name] = folder
	}
	return folders, nil
}

// termsOf are the texts of a module's terms. A module without any may not be passed on.
func termsOf(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, entry := range entries {
		if entry.IsDir() || !licenseFile.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("no licence in %s", folder)
	}
	return texts, nil
}
