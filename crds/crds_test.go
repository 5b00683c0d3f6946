package crds_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/test/controlplane"
)

var update = flag.Bool("update", false, "write gatewayapi/*.json anew from the module in go.mod")

func Example() {
	for _, f := range crds.Attache() {
		fmt.Println(f.Name)
	}
	// Output:
	// attache.dev_effectivepolicies.yaml
	// attache.dev_policyguardrails.yaml
	// attache.dev_ratelimitpolicies.yaml
	// attache.dev_retrypolicies.yaml
	// attache.dev_timeoutpolicies.yaml
}

func TestTheBaseForKustomizeHasAllOfThem(t *testing.T) {
	text, err := os.ReadFile("Kustomization")
	if err != nil {
		t.Fatal(err)
	}
	var base struct {
		APIVersion, Kind string
		Resources        []string
	}
	if err := yaml.UnmarshalStrict(text, &base); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range crds.Attache() {
		names = append(names, f.Name)
	}
	if base.APIVersion != "kustomize.config.k8s.io/v1beta1" || base.Kind != "Kustomization" || !slices.Equal(base.Resources, names) {
		t.Errorf("Kustomization is %+v, the CRDs are %q", base, names)
	}
}

func TestPolicyKindsAreLabelledAsPoliciesAndOtherKindsAreNot(t *testing.T) {
	for _, f := range crds.Attache() {
		crd := decode(t, f)
		want := "Inherited"
		if kind := crd.Spec.Names.Kind; kind == "EffectivePolicy" || kind == "PolicyGuardrail" {
			want = ""
		}
		if got := crd.Labels["gateway.networking.k8s.io/policy"]; got != want {
			t.Errorf("%s: label is %q, want %q", crd.Name, got, want)
		}
		for _, name := range []string{"attache.dev/inline", "attache.dev/applies-to", "attache.dev/bounds"} {
			if value, ok := crd.Annotations[name]; ok && !json.Valid([]byte(value)) {
				t.Errorf("%s: annotation %s is not JSON: %s", crd.Name, name, value)
			}
		}
	}
}

func TestFilesAreThoseOfTheGoTypes(t *testing.T) {
	if testing.Short() {
		t.Skip("builds controller-gen")
	}
	dir := t.TempDir()
	generate := exec.Command("go", "tool", "-modfile=../tools.mod", "controller-gen", "object", "crd:generateEmbeddedObjectMeta=false",
		"paths=../policy/v1alpha1", "output:crd:artifacts:config="+dir, "output:object:dir="+dir)
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("controller-gen: %v\n%s", err, out)
	}
	made, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(made) != len(crds.Attache())+1 {
		t.Fatalf("controller-gen made %v: %v", made, err)
	}
	for _, path := range made {
		name := filepath.Base(path)
		if filepath.Ext(name) == ".go" {
			name = "../policy/v1alpha1/" + name
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the Go types say: run go generate ./policy/v1alpha1 (%v)", name, err)
		}
	}
}

func TestGatewayAPIFilesAreThoseOfTheModuleInGoMod(t *testing.T) {
	want := fromModule(t)
	if *update {
		write(t, want)
		return
	}
	have := map[string][]byte{}
	for _, f := range crds.GatewayAPI() {
		have[filepath.Base(f.Name)] = f.Data
	}
	for name, data := range want {
		if !bytes.Equal(have[name], data) {
			t.Errorf("gatewayapi/%s is not what the module says: run go generate ./crds", name)
		}
		delete(have, name)
	}
	for name := range have {
		t.Errorf("gatewayapi/%s is no longer in the module: run go generate ./crds", name)
	}
}

// fromModule reads the CRDs of the experimental channel out of the Gateway API
// module that go.mod names, and strips them.
func fromModule(t *testing.T) map[string][]byte {
	t.Helper()
	dir, err := controlplane.GatewayAPICRDs("experimental")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "gateway.networking.*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no CRDs in the Gateway API module: %v", err)
	}
	out := map[string][]byte{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var crd map[string]any
		if err := yaml.Unmarshal(data, &crd); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if crd["kind"] != "CustomResourceDefinition" {
			continue // the folder also holds an admission policy
		}
		stripDescriptions(crd)
		delete(crd, "status")
		data, err = json.Marshal(crd)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(path), ".yaml")+".json"] = append(data, '\n')
	}
	return out
}

// stripDescriptions removes the descriptions of schemas. A property may itself
// be called "description"; its value is then an object and stays.
func stripDescriptions(value any) {
	switch value := value.(type) {
	case map[string]any:
		if _, isText := value["description"].(string); isText {
			delete(value, "description")
		}
		for _, v := range value {
			stripDescriptions(v)
		}
	case []any:
		for _, v := range value {
			stripDescriptions(v)
		}
	}
}

func write(t *testing.T, files map[string][]byte) {
	t.Helper()
	old, err := filepath.Glob("gatewayapi/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range old {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join("gatewayapi", name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func decode(t *testing.T, f crds.File) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(f.Data, crd); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return crd
}
