package gitops

import (
	"reflect"
	"testing"

	"github.com/attache-dev/attache/charts"
)

// TestRenderingTwiceIsTheSame checks what tools that render without a cluster rely on.
func TestRenderingTwiceIsTheSame(t *testing.T) {
	for provider, same := range map[string]bool{"self": true, "cert-manager": true, "generated": false} {
		values := map[string]any{"certificates": map[string]any{"provider": provider}}
		first, err := charts.Render(charts.Release{Values: values, Hooks: true})
		if err != nil {
			t.Fatal(err)
		}
		second, err := charts.Render(charts.Release{Values: values, Hooks: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := reflect.DeepEqual(first, second); got != same {
			t.Errorf("%s: rendering twice is the same: %v", provider, got)
		}
	}
}
