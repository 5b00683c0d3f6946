package exporters_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/validate"
	"github.com/attache-dev/attache/test/vendors"
)

// schemas are the CRDs of data planes: those that the module proxy serves, and
// those in the folder that $ATTACHE_VENDOR_CRDS names, one folder for each plane.
func schemas(t *testing.T) *validate.Registry {
	t.Helper()
	registry, err := source.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	add := func(text []byte) {
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(document), &u.Object); err != nil {
				t.Fatal(err)
			}
			if u.GetKind() != "CustomResourceDefinition" {
				continue
			}
			if err := registry.Add(u); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, file := range []struct {
		module vendors.Module
		name   string
	}{
		{vendors.EnvoyGateway, "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_backendtrafficpolicies.yaml"},
		{vendors.Traefik, "integration/fixtures/k8s/01-traefik-crd.yml"},
	} {
		text, err := fs.ReadFile(vendors.Files(t, file.module), file.name)
		if err != nil {
			t.Fatal(err)
		}
		add(text)
	}
	folder := os.Getenv("ATTACHE_VENDOR_CRDS")
	if folder == "" {
		t.Log("the CRDs of agentgateway and of NGINX Gateway Fabric are no Go modules: their objects are checked when $ATTACHE_VENDOR_CRDS names a folder with them")
		return registry
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("ATTACHE_VENDOR_CRDS=%s has no CRDs: %v", folder, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		add(text)
	}
	return registry
}

// TestEveryExporterObeysTheLaws: over random routes, on every data plane, every value has one
// outcome, the order of the input makes no difference, no value is looser than asked, and the data
// plane's own CRD accepts every object (E13.2, E13.3).
func TestEveryExporterObeysTheLaws(t *testing.T) {
	registry := schemas(t)
	for _, exporter := range exporters.All() {
		t.Run(exporter.Name(), func(t *testing.T) {
			seen := map[export.Verdict]int{}
			checked := 0
			rapid.Check(t, func(t *rapid.T) {
				in := drawInput(t, exporter)
				got := exporter.Project(in)
				total(t, in, got)
				for _, o := range slices.Concat(got.Outcomes...) {
					seen[o.Verdict]++
				}
				sameWhateverTheOrder(t, exporter, in, got)
				names := map[string]bool{}
				for _, o := range got.Objects {
					if len(o.GetName()) > 63 || names[o.GetName()] {
						t.Errorf("name %q is too long or not the only one", o.GetName())
					}
					names[o.GetName()] = true
					_, problems, known := registry.Prepare(context.Background(), o)
					if known {
						checked++
					}
					for _, p := range problems {
						t.Errorf("%s %s: %s: %s\n%s", o.GetKind(), o.GetName(), p.Field, p.Message, show(o.Object))
					}
				}
				neverLooser(t, in, got)
			})
			t.Logf("outcomes: %v; %d objects checked by their CRD", seen, checked)
			if seen[export.Projected]+seen[export.Degraded] == 0 || seen[export.Unsupported] == 0 {
				t.Errorf("the generator shows too little: %v", seen)
			}
		})
	}
}

// total: exactly one outcome for each path and leaf.
func total(t *rapid.T, in export.Input, got export.Projection) {
	type cell struct {
		path  int
		field string
	}
	count := map[cell]int{}
	for path, outcomes := range got.Outcomes {
		for _, o := range outcomes {
			count[cell{path, o.Field.Policy + " " + o.Field.String()}]++
			if (o.Reason == "") != (o.Verdict == export.Projected) || (o.Verdict == export.Unsupported) != (o.As == "") {
				t.Errorf("contradicts itself: %+v", o)
			}
		}
	}
	leaves := 0
	for i, p := range in.Paths {
		for policy, value := range p.Effective.Values {
			for name, v := range value {
				fields := []string{name}
				if named, isMap := v.(map[string]any); isMap {
					fields = nil
					for limit, inner := range named {
						for field := range inner.(map[string]any) {
							fields = append(fields, "limits."+limit+"."+field)
						}
					}
				}
				for _, field := range fields {
					leaves++
					if n := count[cell{i, policy + " " + field}]; n != 1 {
						t.Errorf("path %d, %s %s has %d outcomes", i, policy, field, n)
					}
				}
			}
		}
	}
	if all := slices.Concat(got.Outcomes...); len(all) != leaves {
		t.Errorf("%d outcomes for %d leaves", len(all), leaves)
	}
}

// sameWhateverTheOrder of paths and foreign objects.
func sameWhateverTheOrder(t *rapid.T, exporter export.Registration, in export.Input, got export.Projection) {
	other := in
	order := rapid.Permutation(indexes(len(in.Paths))).Draw(t, "order")
	other.Paths = make([]export.Path, len(in.Paths))
	for i, from := range order {
		other.Paths[i] = in.Paths[from]
	}
	other.Foreign = rapid.Permutation(in.Foreign).Draw(t, "foreign order")
	again := exporter.Project(other)
	if show(again.Objects) != show(got.Objects) || show(again.Rules) != show(got.Rules) {
		t.Errorf("another order gives\n%s\nnot\n%s", show(again.Objects), show(got.Objects))
	}
	for i, outcomes := range again.Outcomes {
		if show(outcomes) != show(got.Outcomes[order[i]]) {
			t.Errorf("another order gives %s, not %s", show(outcomes), show(got.Outcomes[order[i]]))
		}
	}
}

func indexes(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// neverLooser compares what is written with what was asked, where both are of
// one kind: the timeouts of requests, and rates.
func neverLooser(t *rapid.T, in export.Input, got export.Projection) {
	for path, outcomes := range got.Outcomes {
		for _, o := range outcomes {
			notLooser(t, in.Paths[path].Effective.Values[o.Field.Policy], o)
		}
	}
}

func notLooser(t *rapid.T, asked map[string]any, o export.Outcome) {
	if o.Verdict == export.Unsupported || o.Value == nil {
		return
	}
	switch o.Field.Name {
	case "request", "backend":
		want, wrote := lasting(asked[o.Field.Name]), lasting(o.Value)
		if want > 0 && (wrote > want || wrote == 0) {
			t.Errorf("%s asked for %v, written as %v", o.Field, asked[o.Field.Name], o.Value)
		}
	case "requestsPerSecond":
		amount, isMap := o.Value.(map[string]any)
		if !isMap || amount["requests"] == nil {
			return
		}
		unit := map[string]int64{"Second": 1, "Minute": 60, "Hour": 3600, "Day": 86400, "Week": 604800, "Month": 2592000, "Year": 31536000,
			"Seconds": 1, "Minutes": 60, "Hours": 3600}[fmt.Sprint(amount["unit"])]
		wrote := big.NewRat(amount["requests"].(int64), unit)
		q := resource.MustParse(asked["requestsPerSecond"].(string))
		want, _ := new(big.Rat).SetString(q.AsDec().String())
		if wrote.Cmp(want) > 0 {
			t.Errorf("asked for %v a second, written as %v", asked["requestsPerSecond"], amount)
		}
	}
}

func lasting(v any) time.Duration {
	d, _ := time.ParseDuration(fmt.Sprint(v))
	return d
}
