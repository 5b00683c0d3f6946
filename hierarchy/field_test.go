package hierarchy_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
)

func TestFieldsComeAsPeopleListThem(t *testing.T) {
	want := []string{
		"", "spec.hostnames", "spec.parametersRef", "spec.rules", "spec.rules[0].backendRefs[9]", "spec.rules[0].backendRefs[10]",
		"spec.rules[2]", "spec.rules[2].name", "spec.rules[10]", "spec.rules[10].backendRefs[0]",
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, hierarchy.CompareFields)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// It is an order: only a text itself is equal to it, and turning a pair around turns the answer around.
func TestFieldsHaveOneOrder(t *testing.T) {
	field := rapid.StringMatching(`[ab.]{0,2}[0-9]{0,3}[ab\[]{0,2}[0-9]{0,2}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := field.Draw(t, "a"), field.Draw(t, "b"), field.Draw(t, "c")
		ab, bc := hierarchy.CompareFields(a, b), hierarchy.CompareFields(b, c)
		if (ab == 0) != (a == b) {
			t.Fatalf("%q and %q compare as %d", a, b, ab)
		}
		if ab != -hierarchy.CompareFields(b, a) {
			t.Fatalf("%q and %q compare as %d in both directions", a, b, ab)
		}
		if ab < 0 && bc < 0 && hierarchy.CompareFields(a, c) >= 0 {
			t.Fatalf("%q < %q < %q, and the first is not less than the last", a, b, c)
		}
	})
}
