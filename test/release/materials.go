package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
)

// component is a part of a program, as CycloneDX says it.
type component struct {
	Type     string          `json:"type"`
	BOMRef   string          `json:"bom-ref"`
	Name     string          `json:"name"`
	Version  string          `json:"version"`
	Licenses []licenseChoice `json:"licenses,omitempty"`
	PURL     string          `json:"purl"`
}

// licenseChoice is a licence by its SPDX identifier.
type licenseChoice struct {
	License struct {
		ID string `json:"id"`
	} `json:"license"`
}

// writeMaterials writes a CycloneDX document of what a program was built from. The program itself
// says which modules were linked, and no others are listed; libraries are those of its page.
func (r release) writeMaterials(program string, libraries []library) error {
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
	for _, l := range libraries {
		c := component{Type: "library", BOMRef: l.purl(), Name: l.name, Version: l.version, PURL: l.purl(), Licenses: make([]licenseChoice, 1)}
		c.Licenses[0].License.ID = l.license
		components = append(components, c)
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
