package effective_test

import (
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/test/worldtest"
)

// FuzzResolve feeds the engine any objects at all, in the shapes that YAML can give them, beside a
// sound world. Nothing may panic or take long, and the sound objects must not be affected:
// removing the others again restores the former result.
func FuzzResolve(f *testing.F) {
	for doc := range strings.SplitSeq(edgeAndCheckout, "\n---\n") {
		f.Add(doc)
	}
	f.Add("apiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\nmetadata: {name: s, namespace: shop}\nspec: {parentRef: {name: public, namespace: infra}, listeners: [{name: a, port: 80, protocol: HTTP}]}")
	f.Add("apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: g, namespace: shop}\nspec: {from: [{group: attache.dev, kind: TimeoutPolicy, namespace: infra}], to: [{group: gateway.networking.k8s.io, kind: HTTPRoute}]}")
	f.Add("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: qs.x.io, labels: {gateway.networking.k8s.io/policy: Inherited}, annotations: {attache.dev/inline: '{\"HTTPRoute\":{\"a\":\"timeouts\"}}', attache.dev/bounds: '{\"a\":\"quantity\"}'}}\nspec: {group: x.io, names: {kind: Q, plural: qs}, versions: [{name: v1, served: true}]}\n---\napiVersion: x.io/v1\nkind: Q\nmetadata: {name: q, namespace: shop}\nspec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}, defaults: {a: null, b: {c: [1]}}, bounds: {a: {max: 1k}}}")
	sound := world(f, edgeAndCheckout)
	want, again := dump(sound), append(ourKinds(f), objects(f, edgeAndCheckout)...)
	f.Fuzz(func(t *testing.T, text string) {
		objs := worldtest.Readable(text)
		start := time.Now()
		s, _ := sound.With(objs...)
		r := effective.ResolveAll(s)
		if changes := effective.Diff(r, r); len(changes) > 0 {
			t.Errorf("Diff(r, r) = %v", changes)
		}
		for p := range s.Policies() {
			s.Acceptances(p)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %s", took) // fuzzing keeps all cores busy: five times the second it may take
		}
		restored, _ := s.Without(refs(objs)...).With(again...)
		if got := dump(restored); got != want {
			t.Errorf("after the objects are gone:\n%s\nwant:\n%s", got, want)
		}
	})
}
