package prose_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy/prose"
)

func ExampleCount() {
	fmt.Println(prose.Count(1, "route"), prose.Count(2, "route"), prose.Count(0, "policy"), prose.Count(3, "Gateway"), prose.Count(2, "match"))
	// Output: 1 route 2 routes 0 policies 3 Gateways 2 matches
}

func ExampleList() {
	names := []string{"a", "b", "c", "d"}
	fmt.Println(prose.List(names, 4))
	fmt.Println(prose.List(names, 2))
	fmt.Println(prose.Clauses(names, 2))
	// Output:
	// a, b, c, d
	// a, b and 2 more
	// a; b; and 2 more
}

func ExampleClip() {
	fmt.Println(prose.Clip("Zürich", 6))
	fmt.Println(prose.Clip("Zürich", 7))
	// Output:
	// Zü…
	// Zürich
}

func TestAClippedTextFitsAndIsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		bytes := rapid.IntRange(0, 40).Draw(t, "bytes")
		got := prose.Clip(text, bytes)
		if len(got) > bytes {
			t.Fatalf("%q has %d bytes, more than %d", got, len(got), bytes)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Fatalf("%q is cut inside a character", got)
		}
		if len(text) <= bytes && got != text {
			t.Fatalf("%q became %q, though it fits", text, got)
		}
		if !strings.HasPrefix(text, strings.TrimSuffix(got, "…")) {
			t.Fatalf("%q does not begin as %q does", got, text)
		}
	})
}

func TestClosest(t *testing.T) {
	names := []string{"HTTPRoute", "GRPCRoute", "Gateway", "GatewayClass", "request", "backend", "connect", "idle"}
	for word, want := range map[string]string{
		"HttpRoute": "HTTPRoute", "HTTPRoutes": "HTTPRoute", "HTPTRoute": "HTTPRoute", "Gatewayclass": "GatewayClass",
		"requset": "request", "conect": "connect", "Idle": "idle",
		"Deployment": "", "x": "", "": "", strings.Repeat("a", 500): "",
	} {
		if got, ok := prose.Closest(word, names); got != want || ok != (want != "") {
			t.Errorf("closest to %q is %q, want %q", word, got, want)
		}
	}
}
