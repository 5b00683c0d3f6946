package main

import (
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// writeKrew writes the manifest by which krew installs the plugin.
func (r release) writeKrew(archives []archive) error {
	if len(archives) == 0 {
		return nil
	}
	var platforms []any
	for _, a := range archives {
		var files []any
		for _, name := range a.files {
			files = append(files, map[string]any{"from": name, "to": "."})
		}
		platforms = append(platforms, map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"os": a.platform.os, "arch": a.platform.arch}},
			"uri":      r.base + "/" + r.version + "/" + a.file,
			"sha256":   a.sum,
			"files":    files,
			"bin":      a.program,
		})
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
		"kind":       "Plugin",
		"metadata":   map[string]any{"name": "effective-policy"},
		"spec": map[string]any{
			"version":          r.version,
			"homepage":         "https://github.com/attache-dev/attache",
			"shortDescription": "Show which Gateway API policies apply where, and why",
			"description": "Policies on a GatewayClass, a Gateway and a route become the effective policy of every route.\n" +
				"This plugin shows it for a cluster or for manifests, explains every value, and says what an\n" +
				"edit would change before it is made.\n",
			"platforms": platforms,
		},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "effective-policy.yaml"), text, 0o644)
}
