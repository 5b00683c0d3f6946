package vendors

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const envoyData = "internal/gatewayapi/testdata"

// envoyWorld is one of Envoy Gateway's test cases: what goes into its translator
// and what has to come out of it.
type envoyWorld struct {
	name    string
	in, out map[string][]*unstructured.Unstructured
	xds     map[string]any
}

// envoyWorlds reads all test cases, sorted by name.
func envoyWorlds(t testing.TB) []envoyWorld {
	t.Helper()
	files := Files(t, EnvoyGateway)
	inputs, err := fs.Glob(files, path.Join(envoyData, "*.in.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(inputs)
	var worlds []envoyWorld
	for _, input := range inputs {
		name := strings.TrimSuffix(path.Base(input), ".in.yaml")
		w := envoyWorld{name: name, in: envoyObjects(readYAML(t, files, input))}
		expected, err := fs.ReadFile(files, path.Join(envoyData, name+".out.yaml"))
		if err != nil {
			continue // it has an expectation of another kind
		}
		content := map[string]any{}
		if err := yaml.Unmarshal(expected, &content); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w.out = envoyObjects(content)
		w.xds, _ = content["xdsIR"].(map[string]any)
		worlds = append(worlds, w)
	}
	return worlds
}

func readYAML(t testing.TB, files fs.FS, name string) map[string]any {
	t.Helper()
	text, err := fs.ReadFile(files, name)
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]any{}
	if err := yaml.Unmarshal(text, &content); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return content
}

// envoyObjects are the objects of a case: lists of them by a key such as
// httpRoutes.
func envoyObjects(content map[string]any) map[string][]*unstructured.Unstructured {
	objects := map[string][]*unstructured.Unstructured{}
	for key, value := range content {
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		for _, item := range list {
			object, ok := item.(map[string]any)
			if ok && object["kind"] != nil && object["metadata"] != nil {
				objects[key] = append(objects[key], &unstructured.Unstructured{Object: object})
			}
		}
	}
	return objects
}

// all are the objects of all keys.
func all(objects map[string][]*unstructured.Unstructured) []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for _, some := range objects {
		list = append(list, some...)
	}
	return list
}
