package edit

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/enforcement"
)

// Published results tell which exporters are on: admission on a cluster answers with those, and
// not with all.
func TestTheExportersOfAClusterAreThoseThatResultsSpeakOf(t *testing.T) {
	result := func(entries ...map[string]any) *unstructured.Unstructured {
		list := make([]any, len(entries))
		for i, e := range entries {
			list[i] = e
		}
		return &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"enforcement": list}}}
	}
	unserved := map[string]any{"state": "NoExporter"}
	envoy := map[string]any{"exporter": "envoy-gateway", "state": "Pending"}
	planned := map[string]any{"exporter": "traefik", "state": "Planned"}
	for name, test := range map[string]struct {
		results []*unstructured.Unstructured
		want    enforcement.Config
	}{
		"nothing is published": {nil, enforcement.Config{All: true}},
		"none is on":           {[]*unstructured.Unstructured{result(unserved)}, enforcement.Config{}},
		"one writes, another plans": {[]*unstructured.Unstructured{result(envoy, unserved), result(planned)}, enforcement.Config{
			Enabled: []string{"envoy-gateway", "traefik"},
			Parameters: map[string]enforcement.Settings{
				"envoy-gateway": {Mode: enforcement.Write}, "traefik": {Mode: enforcement.Plan},
			},
		}},
	} {
		seen := exportersSeen{}
		for _, u := range test.results {
			seen.add(u)
		}
		if diff := cmp.Diff(test.want, seen.config(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
