package publish_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/test/worldtest"
)

const shop = `
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/gateway}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: shop}, spec: {gatewayClassName: edge, listeners: [{name: http, protocol: HTTP, port: 80}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: checkout, namespace: shop, uid: one}, spec: {parentRefs: [{name: public}], rules: [{name: pay, timeouts: {backendRequest: 2s}}, {name: rest}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: edge, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, strategy: Patch, default: {request: 30s}, bounds: {request: {max: 20s}}}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: own, namespace: shop}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}, strategy: Patch, default: {request: 25s}}}`

var checkout = hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout")

// TestWhatIsPublishedIsReadBack: after a restart, the object tells what was in force, value by
// value.
func TestWhatIsPublishedIsReadBack(t *testing.T) {
	s := worldtest.Snapshot(t, shop)
	now := effective.Resolve(s, checkout).Get(checkout)
	object := publish.EffectivePolicy(now)
	read := publish.Read(s, checkout, object)
	if read == nil {
		t.Fatal("nothing is read")
	}
	for _, pair := range effective.Compare(now, read) {
		before, after := pair.Result.Before, pair.Result.After
		if before == nil || after == nil {
			t.Fatalf("paths through %v are on one side alone", pair.Parents)
		}
		for i, m := range before.Kinds {
			if diff := cmp.Diff(m.Value, after.Kinds[i].Value); diff != "" {
				t.Errorf("%s through rules %v (-resolved +read):\n%s", m.Kind.Name(), pair.Rules, diff)
			}
			for j, o := range m.Origins {
				got := after.Kinds[i].Origins[j]
				if got.From != o.From || got.ClampedBy != o.ClampedBy || got.Block != o.Block || got.Level != o.Level || cmp.Diff(o.Path, got.Path) != "" {
					t.Errorf("origin of %s: %+v is read as %+v", o.Path, o, got)
				}
			}
		}
	}
}

// TestAnObjectOfAnEarlierRouteSaysNothing: the name may be that of a route that was deleted.
func TestAnObjectOfAnEarlierRouteSaysNothing(t *testing.T) {
	s := worldtest.Snapshot(t, shop)
	object := publish.EffectivePolicy(effective.Resolve(s, checkout).Get(checkout))
	later := worldtest.Snapshot(t, strings.ReplaceAll(shop, "uid: one", "uid: two"))
	if owners := object.GetOwnerReferences(); len(owners) == 1 && publish.Read(later, checkout, object) != nil {
		t.Error("what was in force for a route that is gone is read for the one in its place")
	}
}

// TestTheSameResultHasTheSameDigest: and different values a different one; data planes detect
// changes by it.
func TestTheSameResultHasTheSameDigest(t *testing.T) {
	digest := func(world string) string {
		return publish.Digest(effective.Resolve(worldtest.Snapshot(t, world), checkout).Get(checkout))
	}
	if one, again := digest(shop), digest(shop); one != again {
		t.Errorf("%s and %s are digests of one world", one, again)
	}
	if digest(shop) == digest(strings.ReplaceAll(shop, "max: 20s", "max: 19s")) {
		t.Error("another value has the same digest")
	}
}

// TestNoTwoTargetsShareAName, whatever their kinds and groups are called.
func TestNoTwoTargetsShareAName(t *testing.T) {
	groups, kinds := []string{hierarchy.Group, "example.com"}, []string{"HTTPRoute", "Httproute", "Gateway"}
	name := rapid.StringMatching(`[a-z0-9]([-.a-z0-9]{0,5}[a-z0-9])?(-[0-9a-f]{32})?|[a-z]{250}`)
	rapid.Check(t, func(t *rapid.T) {
		draw := func() hierarchy.Ref {
			return hierarchy.NewRef(rapid.SampledFrom(groups).Draw(t, "group"), rapid.SampledFrom(kinds).Draw(t, "kind"), "shop", name.Draw(t, "name"))
		}
		a, b := draw(), draw()
		x, y := publish.ObjectName(a), publish.ObjectName(b)
		if (a == b) != (x == y) && !(a.GroupKind.Group == b.GroupKind.Group && strings.EqualFold(a.Kind, b.Kind) && a.Name == b.Name) {
			t.Fatalf("%s is %s, %s is %s", a, x, b, y)
		}
		if len(x) > 253 {
			t.Fatalf("%s has %d characters", x, len(x))
		}
	})
}
