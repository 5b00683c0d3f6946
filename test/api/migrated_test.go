package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/test/controlplane"
)

// TestServerTakesWhatMigrateWrites: every object of the golden files of migrate, except held ones,
// is accepted by a real API server with strict validation (M58).
func TestServerTakesWhatMigrateWrites(t *testing.T) {
	plane := controlplane.Shared(t)
	client := dynamic.NewForConfigOrDie(plane.Config)
	files, err := filepath.Glob("../golden/migrate/*.txtar")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d golden files: %v", len(files), err)
	}
	namespaces := map[string]bool{}
	kinds := map[string]int{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range txtar.Parse(data).Files {
			if !strings.HasPrefix(section.Name, "migrate ") {
				continue
			}
			for _, u := range writtenIn(t, string(section.Data)) {
				namespace(t, client, namespaces, u.GetNamespace())
				resource := schema.GroupVersionResource{Group: u.GroupVersionKind().Group, Version: u.GroupVersionKind().Version, Resource: plural(u.GetKind())}
				_, err := client.Resource(resource).Namespace(u.GetNamespace()).Create(t.Context(), u, metav1.CreateOptions{
					DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
				})
				if err != nil {
					t.Errorf("%s, %s: %s %s/%s: %v", filepath.Base(file), section.Name, u.GetKind(), u.GetNamespace(), u.GetName(), err)
				}
				kinds[u.GetKind()]++
			}
		}
	}
	t.Logf("taken: %v", kinds)
	for _, kind := range []string{"Gateway", "ListenerSet", "HTTPRoute", "TLSRoute", "ReferenceGrant", "BackendTLSPolicy", "TimeoutPolicy", "RetryPolicy", "RateLimitPolicy"} {
		if kinds[kind] == 0 {
			t.Errorf("no golden file of migrate writes a %s", kind)
		}
	}
}

// writtenIn are the objects that a section prints on standard output.
func writtenIn(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "! ") && !strings.HasPrefix(line, "exit ") {
			out.WriteString(line)
		}
	}
	if !strings.HasPrefix(out.String(), "apiVersion: ") {
		return nil // a table, or JSON
	}
	var list []*unstructured.Unstructured
	for _, part := range strings.Split(out.String(), "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(part), &u.Object); err != nil {
			t.Fatal(err)
		}
		list = append(list, u)
	}
	return list
}

func plural(kind string) string {
	lower := strings.ToLower(kind)
	if stem, ok := strings.CutSuffix(lower, "y"); ok && !strings.HasSuffix(lower, "ay") {
		return stem + "ies"
	}
	return lower + "s"
}

// namespace creates a namespace for objects that are only tried.
func namespace(t *testing.T, client dynamic.Interface, made map[string]bool, name string) {
	t.Helper()
	if made[name] {
		return
	}
	made[name] = true
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
	_, err := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}).Create(t.Context(), u, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}
