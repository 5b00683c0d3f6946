package source

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// kustomizationFiles are the names that kustomize looks for in a folder.
var kustomizationFiles = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// kustomization is the part of a kustomization.yaml that is read. It is not built.
type kustomization struct {
	Namespace  string   `json:"namespace"`
	Resources  []string `json:"resources"`
	Bases      []string `json:"bases"`
	Components []string `json:"components"`
	Patches    []struct {
		Path string `json:"path"`
	} `json:"patches"`
	StrategicMerge []string         `json:"patchesStrategicMerge"`
	Charts         []map[string]any `json:"helmCharts"`

	// simple says that it has only resources and their namespace.
	simple bool
}

// simpleKeys are the keys of a kustomization that are followed completely.
var simpleKeys = []string{"apiVersion", "kind", "metadata", "namespace", "resources"}

// kustomizationOf reads the kustomization of a folder, if it has one that can be
// read.
func kustomizationOf(folder string, entries []os.DirEntry) (file string, k kustomization, found bool) {
	for _, e := range entries {
		if !slices.Contains(kustomizationFiles, e.Name()) || e.IsDir() {
			continue
		}
		file = filepath.Join(folder, e.Name())
		data, err := os.ReadFile(file)
		var all map[string]any
		if err != nil || yaml.Unmarshal(data, &k) != nil || yaml.Unmarshal(data, &all) != nil {
			return file, kustomization{}, true
		}
		k.simple = true
		for key := range all {
			k.simple = k.simple && slices.Contains(simpleKeys, key)
		}
		return file, k, true
	}
	return "", k, false
}

// kustomize records what a kustomization says about the files beside it: the
// namespace of its resources replaces theirs, and its patches are not objects.
func (r *reader) kustomize(folder string, entries []os.DirEntry) {
	file, k, found := kustomizationOf(folder, entries)
	if !found {
		return
	}
	r.kustomizations[file] = true
	if k.simple {
		r.simple[file] = "is a kustomization: the files that it lists are read"
		if k.Namespace != "" {
			r.simple[file] += ", in its namespace " + k.Namespace
		}
	}
	for _, name := range k.Resources {
		path := filepath.Join(folder, name)
		if stat, err := os.Stat(path); err != nil || stat.IsDir() {
			r.unbuilt = append(r.unbuilt, folder)
			delete(r.simple, file)
		} else if k.Namespace != "" {
			r.namespaces[path] = k.Namespace
		}
	}
	if len(k.Bases)+len(k.Components)+len(k.Charts) > 0 {
		r.unbuilt = append(r.unbuilt, folder)
	}
	for _, p := range k.Patches {
		r.patch(folder, p.Path)
	}
	for _, path := range k.StrategicMerge {
		r.patch(folder, path)
	}
}

func (r *reader) patch(folder, path string) {
	if path != "" && !strings.Contains(path, "\n") { // a patch may be written inline
		r.patches[filepath.Join(folder, path)] = true
	}
}
