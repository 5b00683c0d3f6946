package profiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/profiles"
)

func shipped(t *testing.T) profiles.Set {
	t.Helper()
	set, err := profiles.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// Everybody who reads an entry can find the page that it was made from.
func TestAProfileSaysWhereItWasRead(t *testing.T) {
	for name, p := range shipped(t) {
		if p.Class == "" || len(p.Targets) == 0 || !strings.HasPrefix(p.Docs, "https://") || p.Read == "" {
			t.Errorf("%s: class %q, %d targets, docs %q, read %q", name, p.Class, len(p.Targets), p.Docs, p.Read)
		}
		if p.Kind.Group == "" || !strings.HasSuffix(name, "."+p.Kind.Group) {
			t.Errorf("%s defines %s", name, p.Kind)
		}
	}
}

// The vendors' CRDs are not part of this project. The names of every profile are compared with those
// in the folder that ATTACHE_VENDOR_CRDS names, which has a folder for each vendor.
func TestProfilesFitTheCRDsOfVendors(t *testing.T) {
	folder := os.Getenv("ATTACHE_VENDOR_CRDS")
	if folder == "" {
		t.Skip("ATTACHE_VENDOR_CRDS names no folder of CRDs; test/vendors reads those of Envoy Gateway from its module")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no CRDs in folders of %s", folder)
	}
	set := shipped(t)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(data, &u.Object); err != nil {
			t.Fatal(err)
		}
		p := set[u.GetName()]
		if p == nil {
			t.Errorf("there is no profile of %s", u.GetName())
			continue
		}
		d, err := crd.Known{Profiles: set}.Read(u)
		if err != nil {
			t.Fatal(err)
		}
		if d.GroupKind != p.Kind || d.Class != p.Class || len(d.Faults) > 0 {
			t.Errorf("%s: kind %s, class %s, faults %v", u.GetName(), d.GroupKind, d.Class, d.Faults)
		}
	}
}

func TestAFileOfOnesOwn(t *testing.T) {
	set := shipped(t)
	for text, want := range map[string]string{
		"profiles: []": "write them as a list under profiles",
		"profiles: [{crd: widgetpolicies.example.com}]":                                   `write crd, such as "widgetpolicies.example.com", and kind`,
		"profiles: [{crd: widgetpolicies.example.com, kind: WidgetPolicy, clas: Direct}]": "profiles[0]: profile.clas: there is no such property",
		"profile: []": "unknown field",
	} {
		if _, err := set.With("mine.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "mine.yaml: ") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	const name = "ratelimitpolicies.kuadrant.io"
	own, err := set.With("mine.yaml", []byte("profiles: [{crd: "+name+", kind: RateLimitPolicy, class: Direct}]"))
	if err != nil {
		t.Fatal(err)
	}
	if own[name].Class != crd.Direct || own[name].Whole != nil || set[name].Class != crd.Inherited {
		t.Errorf("an entry replaces the shipped one as a whole, in the new set alone: %+v, %+v", own[name], set[name])
	}
	if len(own.Kinds()) != len(set.Kinds()) {
		t.Errorf("%d kinds, want %d", len(own.Kinds()), len(set.Kinds()))
	}
}
