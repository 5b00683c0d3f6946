package exporters_test

import (
	"maps"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// TestCanonicalTellsValuesApart: equal values have the same canonical text, and any change that exporters
// could see has another.
func TestCanonicalTellsValuesApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEffective(t)
		copied := func() *export.Effective {
			c := &export.Effective{Values: map[string]map[string]any{}, Forced: maps.Clone(e.Forced), Invalid: maps.Clone(e.Invalid)}
			for policy, value := range e.Values {
				c.Values[policy] = runtime.DeepCopyJSON(value)
			}
			return c
		}
		if other := copied(); other.Canonical() != e.Canonical() {
			t.Fatalf("a copy has another text:\n%s\n%s", other.Canonical(), e.Canonical())
		}
		leaves := e.Leaves()
		if len(leaves) == 0 {
			return
		}
		other, leaf := copied(), rapid.SampledFrom(leaves).Draw(t, "leaf")
		f := leaf.Field
		value := other.Values[f.Policy]
		if f.Limit != "" {
			value = value["limits"].(map[string]any)[f.Limit].(map[string]any)
		}
		switch rapid.SampledFrom([]string{"value", "type", "absent", "forced", "elsewhere", "invalid"}).Draw(t, "change") {
		case "value":
			value[f.Name] = []any{leaf.Value}
		case "type":
			text, isText := leaf.Value.(string)
			if value[f.Name] = any(text); !isText {
				value[f.Name] = field.Text(leaf.Value)
			} else {
				value[f.Name] = float64(len(text))
			}
		case "absent":
			delete(value, f.Name)
		case "forced":
			other.Forced[f] = !other.Forced[f]
		case "elsewhere":
			other.Forced[field.Field{Policy: f.Policy, Name: "nowhere"}] = true
		case "invalid":
			other.Invalid[f.Policy] += "!"
		}
		if other.Canonical() == e.Canonical() {
			t.Fatalf("%+v and %+v have one text:\n%s", e, other, e.Canonical())
		}
	})
}
