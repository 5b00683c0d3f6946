package status_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
	"github.com/attache-dev/attache/policy/status"
)

// TestMuchEnforcementIsCounted (E3.1): beyond 64 KiB the fields that are in force as stated are
// counted, and all others are still listed; it can be read back.
func TestMuchEnforcementIsCounted(t *testing.T) {
	gateway := hierarchy.GatewayRef("infra", "public")
	entries := func(n int) []enforcement.Entry {
		var list []enforcement.Entry
		for i := range n {
			e := enforcement.Entry{
				Exporter: export.EnvoyGateway, State: enforcement.Accepted,
				Parents: []*hierarchy.Listener{{Ref: gateway.WithSection("http"), Gateway: gateway}},
				Rules:   hierarchy.RuleSet{Rules: []hierarchy.RuleRef{{Index: i, Name: fmt.Sprintf("rule-%d", i)}}},
				Outcomes: []export.Outcome{
					{Field: field.Parse(field.RateLimitPolicy, "burst"), Verdict: export.Degraded, Reason: export.BurstDropped, Message: "10 at once instead of 15", As: "spec.rateLimit"},
					{Field: field.Parse(field.RetryPolicy, "maxRetries"), Verdict: export.Unsupported, Reason: export.InlineWins, Message: "the rule states it"},
				},
			}
			for _, name := range []string{"connect", "idle", "request"} {
				e.Outcomes = append(e.Outcomes, export.Outcome{Field: field.Parse(field.TimeoutPolicy, name), Verdict: export.Projected, As: "spec.timeout." + name, Value: "1s"})
			}
			list = append(list, e)
		}
		return list
	}
	for n, want := range map[int]struct{ fields, projected int }{2: {5, 0}, 300: {2, 3}} {
		object := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"summary": map[string]any{}}}}
		status.WithEnforcement(object, entries(n))
		list, _, _ := unstructured.NestedSlice(object.Object, "status", "enforcement")
		text, err := json.Marshal(list)
		if err != nil || len(list) != n {
			t.Fatalf("%d entries, %v", len(list), err)
		}
		first := list[0].(map[string]any)
		projected, _ := first["projected"].(int64)
		if len(first["fields"].([]any)) != want.fields || int(projected) != want.projected {
			t.Errorf("%d entries in %d bytes: the first is %v, want %d fields and %d counted", n, len(text), first, want.fields, want.projected)
		}
		if word, _, _ := unstructured.NestedString(object.Object, "status", "summary", "enforced"); word != "partly" {
			t.Errorf("in sum it is %q", word)
		}
		back := enforcement.EntriesOf((&hierarchy.Graph{}), object)
		if len(back) != n || len(back[0].Outcomes) != want.fields || int(back[0].Projected) != want.projected || back[0].Word() != "partly" {
			t.Errorf("%d entries are read back as %+v", n, back[0])
		}
		if l := back[0].Parents[0]; l.Ref != gateway.WithSection("http") || l.Gateway != gateway {
			t.Errorf("a listener that is not known is read back as %+v", l)
		}
	}
}
