package publish

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/test/worldtest"
)

// values draws values as JSON has them, with texts that have to be escaped.
func values(depth int) *rapid.Generator[any] {
	text := rapid.OneOf(rapid.StringN(0, 6, -1), rapid.SampledFrom([]string{"30s", `"`, `\`, "<a&b>", "\u2028", "\x00", "\xff", "é"}))
	kinds := []*rapid.Generator[any]{
		text.AsAny(), rapid.Int64().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil), rapid.Float64Range(-1e30, 1e30).AsAny(),
		rapid.Just[any]([]any(nil)), rapid.Just[any](map[string]any(nil)),
	}
	if depth > 0 {
		kinds = append(kinds,
			rapid.SliceOfN(values(depth-1), 0, 3).AsAny(),
			rapid.MapOfN(text, values(depth-1), 0, 10).AsAny())
	}
	return rapid.OneOf(kinds...)
}

// TestWritingIsCompact: the hand-written encoder writes the same as package json, byte for byte.
func TestWritingIsCompact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := values(3).Draw(t, "value")
		if got, want := string(appendJSON(nil, value)), string(Compact(value)); got != want {
			t.Fatalf("written %s, want %s", got, want)
		}
	})
}

// FuzzTexts: the same for texts of any bytes.
func FuzzTexts(f *testing.F) {
	for _, text := range []string{"", "30s", "\"\\/", "<&>", "\u2028\u2029", "\x7f\x00", "\xf0\x28"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := string(appendString(nil, text)), string(Compact(text)); got != want {
			t.Errorf("written %s, want %s", got, want)
		}
	})
}

// TestAnnotationsAreCompact: an annotation and its digest describe the same scopes as an
// EffectivePolicy.
func TestAnnotationsAreCompact(t *testing.T) {
	for _, size := range []int{1, 400} { // the second is too long, and says where to look
		e := effective.Resolve(worldtest.Snapshot(t, wide(size)), hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout")).
			Get(hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout"))
		scopes := make([]any, len(e.Scopes))
		for i, s := range e.Scopes {
			scopes[i] = shortScope(e, s)
		}
		want := map[string]any{"version": AnnotationVersion, "digest": digest(scopes), "generation": e.Generation, "scopes": scopes}
		if stated := statedBy(e); len(stated) > 0 {
			want["statedBy"] = stated
		}
		if size > 1 {
			delete(want, "scopes")
			delete(want, "statedBy")
			want["see"] = ObjectName(e.Target)
		}
		got, reached := AnnotationValue(e)
		if !reached || got != string(Compact(want)) || !json.Valid([]byte(got)) {
			t.Errorf("the annotation is %s, want %s", got, Compact(want))
		}
		if Digest(e) != digest(scopes) {
			t.Error("the digest is not that of the scopes")
		}
	}
}

// wide is a world with a route on so many listeners of a Gateway and on one of a ListenerSet, a value
// of its own in one rule, and a limit of which it is said who states it.
func wide(listeners int) string {
	var list strings.Builder
	for i := range listeners {
		fmt.Fprintf(&list, "{name: http-%d, protocol: HTTP, port: %d},", i, 80+i)
	}
	return `
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/gateway}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: shop}, spec: {gatewayClassName: edge, allowedListeners: {namespaces: {from: All}}, listeners: [` + list.String() + `]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: ListenerSet, metadata: {name: more, namespace: shop}, spec: {parentRef: {name: public}, listeners: [{name: tls, protocol: HTTP, port: 8080}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: checkout, namespace: shop, generation: 4}, spec: {parentRefs: [{name: public}, {group: gateway.networking.k8s.io, kind: ListenerSet, name: more}], rules: [{name: pay, timeouts: {backendRequest: 2s}}, {name: rest}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: edge, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, strategy: Patch, default: {request: 30s}}}
---
{apiVersion: attache.dev/v1alpha1, kind: RateLimitPolicy, metadata: {name: set, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: ListenerSet, name: more}, strategy: Patch, default: {requestsPerSecond: 100}}}`
}
