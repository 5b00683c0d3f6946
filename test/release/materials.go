package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
)

// component is a module of a program, as CycloneDX says it.
type component struct {
	Type    string `json:"type"`
	BOMRef  string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl"`
}

// writeMaterials writes a CycloneDX document of what a program was built from. The program itself
// says it: these are the modules that were linked, and no others.
func (r release) writeMaterials(program string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	of := func(kind, path, version string) component {
		url := "pkg:golang/" + path + "@" + version
		return component{Type: kind, BOMRef: url, Name: path, Version: version, PURL: url}
	}
	components := []component{of("library", "std", info.GoVersion)}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		components = append(components, of("library", m.Path, m.Version))
	}
	var needs []string
	for _, c := range components {
		needs = append(needs, c.BOMRef)
	}
	main := of("application", info.Main.Path, r.version)
	text, err := json.MarshalIndent(map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
		"metadata":     map[string]any{"component": main},
		"components":   components,
		"dependencies": []any{map[string]any{"ref": main.BOMRef, "dependsOn": needs}},
	}, "", " ")
	if err != nil {
		return err
	}
	name := filepath.Base(program) + ".cdx.json"
	return os.WriteFile(filepath.Join(r.out, name), append(text, '\n'), 0o644)
}
