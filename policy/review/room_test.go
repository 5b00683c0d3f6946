package review_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/test/worldtest"
)

func routeOf(t *testing.T, annotations map[string]string) *unstructured.Unstructured {
	t.Helper()
	u := worldtest.Objects(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: checkout, namespace: shop}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{name: pay}, {}]}}`)[0]
	u.SetAnnotations(annotations)
	return u
}

// Room for results is kept free, so that they can be rewritten when somebody above changes them.
// An object that was too full before may stay so, and may become smaller.
func TestAnnotationsLeaveRoomForWhatApplies(t *testing.T) {
	full := 256<<10 - review.OurAnnotation
	filler := func(size int) map[string]string {
		return map[string]string{"a": strings.Repeat("x", size-1), publish.Annotation: strings.Repeat("y", 9000)}
	}
	for name, c := range map[string]struct {
		old, now map[string]string
		refused  bool
	}{
		"as much as there is": {nil, filler(full), false},
		"more":                {nil, filler(full + 1), true},
		"more than before":    {filler(full + 5), filler(full + 6), true},
		"less than before":    {filler(full + 5), filler(full + 4), false},
		"as before":           {filler(full + 5), filler(full + 5), false},
	} {
		e := review.EditOf(nil, routeOf(t, c.now))
		if c.old != nil {
			e = review.EditOf(routeOf(t, c.old), routeOf(t, c.now))
		}
		v := reviewed(t, shop(t), e, nil)
		if v.Denied() != c.refused || e.Changes[0].Crowds() != c.refused {
			t.Errorf("%s: %+v", name, v.Refusals)
		}
		if c.refused && (v.Refusals[0].Field != "metadata.annotations" || !strings.Contains(v.Refusals[0].Message, publish.Annotation)) {
			t.Errorf("%s: %+v", name, v.Refusals)
		}
	}
	if v := reviewed(t, shop(t), review.EditOf(nil, func() *unstructured.Unstructured {
		p := timeout(t, "shop", "p", onCheckout, "default: {request: 5s}")
		p.SetAnnotations(filler(full + 1))
		return p
	}()), nil); v.Denied() {
		t.Errorf("a policy carries no annotation of ours: %+v", v.Refusals)
	}
}

// One object has no more results than can be computed, kept and published.
func TestTheResultsOfOneObjectAreBounded(t *testing.T) {
	var listeners, rules, policies []string
	for i := range 8 {
		listeners = append(listeners, fmt.Sprintf("{name: l%d, port: %d, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}", i, 80+i))
		rules = append(rules, fmt.Sprintf("{name: r%d, timeouts: {request: %ds}}", i, 1+i))
		policies = append(policies, fmt.Sprintf("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: l%d, namespace: shop}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: own, sectionName: l%d}, default: {idle: %ds}}}", i, i, 1+i))
	}
	s := shop(t, "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: own, namespace: shop}, spec: {gatewayClassName: edge, listeners: ["+strings.Join(listeners, ", ")+"]}}",
		strings.Join(policies, "\n---\n"))
	wide := worldtest.Objects(t, "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: wide, namespace: shop}, spec: {parentRefs: [{name: own}], rules: ["+strings.Join(rules, ", ")+"]}}")[0]
	e := review.EditOf(nil, wide)
	for _, c := range []struct {
		limit             int
		platform, refused bool
	}{{0, false, false}, {64, false, false}, {63, false, true}, {63, true, false}} {
		e.MaxResults, e.Platform = c.limit, c.platform
		v := reviewed(t, s, e, nil)
		if v.Denied() != c.refused {
			t.Errorf("%+v: %+v", c, v.Refusals)
		}
		if warned := strings.Contains(strings.Join(v.Warnings(), "\n"), "64 different results"); warned != (c.limit == 63 && c.platform) {
			t.Errorf("%+v: warnings %q", c, v.Warnings())
		}
	}
	after, _ := s.With(wide)
	if width := effective.NewResolver(after).Width(e.Changes[0].Ref()); width != 64 {
		t.Errorf("the width is %d, want 64", width)
	}
	if scopes := len(effective.Resolve(after, e.Changes[0].Ref()).Get(e.Changes[0].Ref()).Scopes); scopes != 64 {
		t.Errorf("it has %d scopes", scopes)
	}
	// What was too wide before can still be edited.
	edit := review.EditOf(wide, func() *unstructured.Unstructured {
		u := wide.DeepCopy()
		_ = unstructured.SetNestedStringSlice(u.Object, []string{"a.example.com"}, "spec", "hostnames")
		return u
	}())
	edit.MaxResults = 10
	if v := reviewed(t, after, edit, nil); v.Denied() {
		t.Errorf("an edit that widens nothing: %+v", v.Refusals)
	}
}
