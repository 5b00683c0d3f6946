package exporters_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/policy/export/field"
)

// TestAnInvalidKindLeavesWhatIsLive (E2.3): the objects in a data plane for a kind that has become
// invalid stay as they are, and nothing new is written for it.
func TestAnInvalidKindLeavesWhatIsLive(t *testing.T) {
	for name, invalid := range map[string]string{export.EnvoyGateway: field.TimeoutPolicy, export.Traefik: field.RateLimitPolicy} {
		t.Run(name, func(t *testing.T) {
			exporter, _ := exporters.Lookup(name)
			gateway := hierarchy.GatewayRef("infra", "public")
			effective := &export.Effective{Values: map[string]map[string]any{
				field.TimeoutPolicy:   {"connect": "1s"},
				field.RateLimitPolicy: {"requestsPerSecond": int64(5)},
			}}
			in := export.Input{
				Route: hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout"), Version: "v1",
				Rules:  []export.Rule{{Name: "pay", Matches: 1}},
				Paths:  []export.Path{{Listener: &hierarchy.Listener{Ref: gateway.WithSection("http"), Gateway: gateway}, Controller: export.ControllerOf(name), Hostnames: 1, Consent: true, Effective: effective}},
				Fields: export.StandardFields{Timeouts: true, Retry: true, FiltersMax: 16},
			}
			before := exporter.Project(in)
			if len(before.Objects) != 1 {
				t.Fatalf("%d objects", len(before.Objects))
			}
			broken := &export.Effective{Invalid: map[string]string{invalid: "they contradict each other"}, Values: map[string]map[string]any{
				field.TimeoutPolicy:   {"connect": "9s"},
				field.RateLimitPolicy: {"requestsPerSecond": int64(9)},
			}}
			in.Paths[0].Effective = broken
			delete(broken.Values, map[string]string{field.TimeoutPolicy: field.RateLimitPolicy, field.RateLimitPolicy: field.TimeoutPolicy}[invalid])
			if without := exporter.Project(in); len(without.Objects)+len(without.Rules) != 0 {
				t.Errorf("an object is made of an invalid kind: %s", show(without.Objects))
			}
			in.Held = map[string]*unstructured.Unstructured{before.Objects[0].GetName(): before.Objects[0]}
			after := exporter.Project(in)
			want := before.Objects[0].DeepCopy()
			if invalid == field.TimeoutPolicy { // the limit is no longer stated, so it goes
				unstructured.RemoveNestedField(want.Object, "spec", "rateLimit")
			}
			if len(after.Objects) != 1 || show(after.Objects[0]) != show(want) || show(after.Rules) != show(before.Rules) {
				t.Errorf("what is live becomes\n%s %s, not\n%s %s", show(after.Objects), show(after.Rules), show(want), show(before.Rules))
			}
			for _, o := range after.Outcomes[0] {
				if o.Reason != export.Invalid || len(o.Notes) != 1 || o.Notes[0] != export.Kept {
					t.Errorf("the outcome is %+v, want Invalid and the note Kept", o)
				}
			}
		})
	}
}
