package ingress2gateway

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// fixtures are the folder of ingress2gateway's sources, of the version that the nested
// module names.
func fixtures(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", "github.com/kubernetes-sigs/ingress2gateway")
	cmd.Dir = "../dataplane/ingress2gateway"
	out, err := cmd.Output()
	var module struct{ Dir string }
	if err != nil || json.Unmarshal(out, &module) != nil || module.Dir == "" {
		t.Skipf("the sources of ingress2gateway cannot be had here: %v", err)
	}
	return module.Dir
}

// ingressesIn are the Ingresses and Services of a manifest, as plain ones of
// ingress-nginx: what annotations of other controllers say is not of routing.
func ingressesIn(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	world, ingresses := "", 0
	for _, part := range bytes.Split(data, []byte("\n---")) {
		u := &unstructured.Unstructured{}
		if yaml.Unmarshal(part, &u.Object) != nil || u.Object == nil {
			continue
		}
		switch u.GetKind() {
		case "Ingress":
			u.SetAnnotations(nil)
			if err := unstructured.SetNestedField(u.Object, "nginx", "spec", "ingressClassName"); err != nil {
				t.Fatal(err)
			}
			ingresses++
		case "Service":
		default:
			continue
		}
		if u.GetNamespace() == "" {
			u.SetNamespace("default")
		}
		manifest, err := yaml.Marshal(u.Object)
		if err != nil {
			t.Fatal(err)
		}
		world += string(manifest) + "---\n"
	}
	if ingresses == 0 {
		return ""
	}
	return world
}

// knownFixtures are those that ingress2gateway answers otherwise than the Ingresses, and
// what shows it.
var knownFixtures = map[string]string{
	// A tls entry without hosts: ingress-nginx asks the certificate whom it is for, which
	// no manifest tells; ingress2gateway redirects every host.
	"nginx-listen-ports.yaml": "new 308 to https://custom-ports.example.com",
	// Characters of regular expressions in a Prefix become a PathPrefix that the API
	// server refuses.
	"nginx-path-regex.yaml": "must only contain valid characters",
}

// TestFixturesComeOutAlike: the Ingresses among ingress2gateway's own fixtures have the
// same routing from both converters, and it is that of the Ingresses.
func TestFixturesComeOutAlike(t *testing.T) {
	j := newJudge(t)
	files, requests := 0, 0
	err := filepath.WalkDir(fixtures(t), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".yaml") || strings.Contains(path, "output") {
			return err
		}
		world := ingressesIn(t, path)
		if world == "" {
			return nil
		}
		files++
		written, err := j.theirs(world)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		result := j.ours(world)
		theirs, refused := j.compare(world, written.objects)
		list := different(theirs)
		if known := knownFixtures[filepath.Base(path)]; known != "" {
			if !strings.Contains(strings.Join(append(list, refused), "\n"), known) {
				t.Errorf("%s: %q is there no more: take it out", path, known)
			}
		} else if len(list) > 0 || refused != "" {
			t.Errorf("%s, ingress2gateway: %q %s", path, list, refused)
		}
		ours, refused := j.compare(world, result.Objects, result.Findings...)
		if list := different(ours); len(list) > 0 || refused != "" {
			t.Errorf("%s, migrate: %q %s", path, list, refused)
		}
		requests += ours.Totals.Requests
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 5 {
		t.Errorf("%d fixtures have Ingresses", files)
	}
	t.Logf("%d fixtures, %d requests", files, requests)
}
