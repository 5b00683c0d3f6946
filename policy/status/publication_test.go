package status_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/policy/v1alpha1"
	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
)

// worked is the worked example of semantics section 9, with a bound.
const worked = `
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/c}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: infra, uid: ug}, spec: {gatewayClassName: edge, listeners: [{name: https, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: checkout, namespace: shop, uid: ur, generation: 4}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}, {name: pay, timeouts: {backendRequest: 2s}}]}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: ceiling, namespace: infra}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}, override: {request: 30s}, bounds: {connect: {max: 5s}}}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: public, namespace: infra}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}, default: {request: 10s, backend: 5s}}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: checkout, namespace: shop}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}, default: {request: 60s, connect: 9s}}}
`

// firstForm is what was published of the worked example in the first form.
const firstForm = `
apiVersion: attache.dev/v1alpha1
kind: EffectivePolicy
metadata:
  name: httproute.checkout
  namespace: shop
  ownerReferences: [{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, name: checkout, uid: ur}]
targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}
status:
  observedGeneration: 4
  digest: sha256:old
  summary: {target: HTTPRoute/checkout, scopes: 2, timeout: 30s, overridden: "yes"}
  scopes:
  - parents: [{gateway: infra/public, listener: https}]
    rules: ["rules[0]"]
    effective: {TimeoutPolicy: {request: 30s, backend: 5s, connect: 5s}}
    origins:
    - {policy: TimeoutPolicy, field: backend, from: TimeoutPolicy infra/public, target: Gateway infra/public, block: default}
    - {policy: TimeoutPolicy, field: connect, from: TimeoutPolicy shop/checkout, target: HTTPRoute shop/checkout, block: default, clampedBy: TimeoutPolicy infra/ceiling}
    - {policy: TimeoutPolicy, field: request, from: TimeoutPolicy infra/ceiling, target: GatewayClass edge, block: override, beat: [TimeoutPolicy shop/checkout (default), TimeoutPolicy infra/public (default)]}
  - parents: [{gateway: infra/public, listener: https}]
    rules: [pay]
    effective: {TimeoutPolicy: {request: 30s, backend: 2s, connect: 5s}}
    origins:
    - {policy: TimeoutPolicy, field: backend, from: HTTPRoute shop/checkout, target: "HTTPRoute shop/checkout#pay", block: inline, beat: [TimeoutPolicy infra/public (default)]}
    - {policy: TimeoutPolicy, field: connect, from: TimeoutPolicy shop/checkout, target: HTTPRoute shop/checkout, block: default, clampedBy: TimeoutPolicy infra/ceiling}
    - {policy: TimeoutPolicy, field: request, from: TimeoutPolicy infra/ceiling, target: GatewayClass edge, block: override, beat: [TimeoutPolicy shop/checkout (default), TimeoutPolicy infra/public (default)]}
`

var checkout = hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "shop", "checkout")

func TestReferencesAreTyped(t *testing.T) {
	c := clusterOf(t, worked)
	object := publish.EffectivePolicy(effective.Resolve(c.s, checkout).Get(checkout))
	data, err := json.Marshal(object.Object)
	if err != nil {
		t.Fatal(err)
	}
	var e v1alpha1.EffectivePolicy
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		t.Fatalf("it is not of its own type: %v\n%s", err, data)
	}
	if len(e.Status.Scopes) != 2 || e.Status.Scopes[1].Rules[0] != (v1alpha1.EffectiveRule{Index: 1, Name: "pay"}) || e.Status.Scopes[0].Rules[0] != (v1alpha1.EffectiveRule{Index: 0}) {
		t.Fatalf("got %s", data)
	}
	pay := e.Status.Scopes[1].Origins
	ceiling := v1alpha1.EffectiveReference{Group: "attache.dev", Kind: "TimeoutPolicy", Namespace: "infra", Name: "ceiling"}
	if o := pay[0]; o.Field != "backend" || o.Level != "RouteRule" || o.Block != "inline" || o.From.Kind != "HTTPRoute" || o.Target.SectionName != "pay" || o.Beat[0].Level != "Gateway" || string(o.Beat[0].Value.Raw) != `"5s"` {
		t.Errorf("backend: %+v", o)
	}
	if o := pay[1]; o.Field != "connect" || *o.ClampedBy != ceiling || string(o.Stated.Raw) != `"9s"` {
		t.Errorf("connect: %+v", o)
	}
	if o := pay[2]; o.From != ceiling || o.Target.Kind != "GatewayClass" || o.Target.Namespace != "" || len(o.Beat) != 2 || o.Beat[0].From.Name != "checkout" {
		t.Errorf("request: %+v", o)
	}
	if s := e.Status.Summary; s.Constrained != "both" || s.Timeout != "30s" || s.Gateways != "infra/public" || s.Scopes != 2 {
		t.Errorf("summary: %+v", s)
	}
}

func TestTheAnnotationIsWhatItsReaderReads(t *testing.T) {
	c := clusterOf(t, worked)
	e := effective.Resolve(c.s, checkout).Get(checkout)
	value, _ := publish.AnnotationValue(e)
	a, err := annotation.Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	if a.Generation != 4 || a.Digest != publish.Digest(e) {
		t.Errorf("got %+v", a)
	}
	https := annotation.Parent{Gateway: annotation.Name{NamespacedName: types.NamespacedName{Namespace: "infra", Name: "public"}}, Listener: "https"}
	if err := a.At(4, []string{"", "pay"}); err != nil {
		t.Fatal(err)
	}
	for index, want := range []string{"5s", "2s"} {
		var timeouts struct{ Backend string }
		s := a.For(https, index)
		if s == nil {
			t.Fatalf("rule %d is in no scope of %s", index, value)
		}
		if err := s.Decode("TimeoutPolicy", &timeouts); err != nil || timeouts.Backend != want {
			t.Errorf("rule %d: %+v, %v", index, timeouts, err)
		}
	}
}

func TestWhatWasPublishedReadsAsItWas(t *testing.T) {
	c := clusterOf(t, worked)
	e := effective.Resolve(c.s, checkout).Get(checkout)
	back := publish.Read(c.s, checkout, publish.EffectivePolicy(e))
	if changes := effective.Compare(e, back); len(changes) > 0 {
		t.Errorf("%d groups of paths read differently", len(changes))
	}
}

// A route got a rule after its result was published, and is held back: nothing was published for
// that rule, and walking the paths must cope with that.
func TestWhatWasPublishedHasNothingForANewRule(t *testing.T) {
	c := clusterOf(t, worked)
	object := publish.EffectivePolicy(effective.Resolve(c.s, checkout).Get(checkout))
	wider, _ := c.s.With(objects(t, strings.ReplaceAll(worked, "backendRequest: 2s}}]", "backendRequest: 2s}}, {name: new}]"))...)
	for name, read := range map[string]func(*policy.Snapshot, hierarchy.Ref, *unstructured.Unstructured) *effective.Target{"Read": publish.Read, "ReadNow": publish.ReadNow} {
		back, now := read(wider, checkout, object), effective.Resolve(wider, checkout).Get(checkout)
		for path := range back.Paths() {
			if got := len(path.Result.Kinds) > 0; got != (path.Rule < 2) {
				t.Errorf("%s: rule %d has a result: %v", name, path.Rule, got)
			}
		}
		if len(effective.Compare(back, now)) == 0 || len(effective.ChangedOrigins(back, now)) == 0 {
			t.Errorf("%s: the new rule is no change", name)
		}
		(enforcement.World{Graph: wider.Graph()}).Parts(back)
	}
}

// An upgrade takes nothing away: what was published in the first form is read,
// and is the same in the second.
func TestTheFirstFormIsBroughtToTheSecond(t *testing.T) {
	c := clusterOf(t, worked)
	old := objects(t, firstForm)[0]
	if !publish.FirstForm(old) {
		t.Fatal("it is not recognised")
	}
	upgraded := publish.Upgraded(c.s, checkout, old)
	if publish.FirstForm(upgraded) || publish.Upgraded(c.s, checkout, upgraded) != upgraded {
		t.Error("the second form is taken for the first")
	}
	want := publish.EffectivePolicy(effective.Resolve(c.s, checkout).Get(checkout))
	if got, want := upgraded.Object["status"].(map[string]any)["digest"], want.Object["status"].(map[string]any)["digest"]; got != want {
		t.Errorf("digest %v, want %v", got, want)
	}
	// All that the first form says is the same; it does not say levels and values of those beaten.
	forget := func(u *unstructured.Unstructured) any {
		scopes, _, _ := unstructured.NestedSlice(u.Object, "status", "scopes")
		for _, s := range scopes {
			for _, o := range s.(map[string]any)["origins"].([]any) {
				delete(o.(map[string]any), "stated")
				beat, _ := o.(map[string]any)["beat"].([]any)
				for _, b := range beat {
					delete(b.(map[string]any), "level")
					delete(b.(map[string]any), "value")
				}
			}
		}
		return scopes
	}
	if diff := cmp.Diff(forget(want), forget(upgraded)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Nothing can be applied to an object whose live status does not fit the schema: it is replaced
// first, even where nothing else changes.
func TestTheFirstFormIsReplacedBeforeAnythingIsApplied(t *testing.T) {
	c := clusterOf(t, worked)
	old := objects(t, firstForm)[0]
	c.objects[hierarchy.RefOf(old)] = old
	e := effective.Resolve(c.s, checkout).Get(checkout)
	for name, writes := range map[string][]status.Write{
		"what is new":  at(noon).Target(checkout, e, c),
		"what is kept": at(noon).Keep(checkout, "ur", publish.Upgraded(c.s, checkout, old), nil, c),
	} {
		var verbs []status.Verb
		for _, w := range writes[1:] {
			verbs = append(verbs, w.Verb)
		}
		if diff := cmp.Diff([]status.Verb{status.ReplaceStatus, status.ApplyStatus}, verbs); diff != "" {
			t.Fatalf("%s: -want +got:\n%s", name, diff)
		}
		summary := writes[1].Object.Object["status"].(map[string]any)["summary"].(map[string]any)
		if value, there := summary["overridden"]; value != nil || !there {
			t.Errorf("%s: what the second form has no more is taken away: %v", name, summary)
		}
	}
}

func TestAWithheldResultIsSaid(t *testing.T) {
	c := clusterOf(t, worked)
	e := effective.Resolve(c.s, checkout).Get(checkout)
	was := publish.EffectivePolicy(e)
	withheld := &status.Withheld{Reason: publish.WithheldViolation, Message: "guardrail max objects"}
	read := func(writes []status.Write) (*annotation.Annotation, map[string]any) {
		t.Helper()
		a, err := annotation.Parse(writes[0].Object.GetAnnotations()[annotation.Key])
		if err != nil {
			t.Fatalf("%v, %v", a, err)
		}
		return a, writes[len(writes)-1].Object.Object["status"].(map[string]any)
	}
	a, s := read(at(noon).Keep(checkout, "ur", was, withheld, c))
	if a.Withheld != "GuardrailViolated" || len(a.Scopes) != 2 || a.Generation != 4 || a.Digest == "" {
		t.Errorf("the annotation is %+v", a)
	}
	condition := s["conditions"].([]any)[0].(map[string]any)
	if condition["type"] != "Published" || condition["status"] != "False" || condition["reason"] != "GuardrailViolated" || condition["message"] != "guardrail max objects" || len(s["scopes"].([]any)) != 2 {
		t.Errorf("the status is %v", s)
	}
	if a, s = read(at(noon).Keep(checkout, "ur", nil, withheld, c)); len(a.Scopes) > 0 || a.Withheld == "" || s["scopes"] != nil {
		t.Errorf("a route never published: %+v, %v", a, s)
	}
}

func TestTheTimeOfPublishedIsThatOfItsLastTransition(t *testing.T) {
	c := clusterOf(t, worked)
	e := effective.Resolve(c.s, checkout).Get(checkout)
	published := func(when time.Time, withheld *status.Withheld) string {
		t.Helper()
		writes := at(when).Keep(checkout, "ur", publish.EffectivePolicy(e), withheld, c)
		object := writes[len(writes)-1].Object
		c.objects[hierarchy.RefOf(object)] = object
		conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
		return conditions[0].(map[string]any)["lastTransitionTime"].(string)
	}
	first := published(noon, nil)
	if second := published(noon.Add(time.Hour), &status.Withheld{Reason: "Undecided", Message: "m"}); second == first {
		t.Error("the time did not move with the status")
	} else if third := published(noon.Add(2*time.Hour), &status.Withheld{Reason: "GuardrailViolated", Message: "m"}); third != second {
		t.Error("the time moved although the status did not")
	}
}

func TestNobodyElsesObjectIsWrittenOver(t *testing.T) {
	c := clusterOf(t, worked)
	foreign := objects(t, strings.Replace(firstForm, "kind: HTTPRoute, name: checkout, uid: ur", "kind: HTTPRoute, name: other, uid: uo", 1))[0]
	c.objects[hierarchy.RefOf(foreign)] = foreign
	e := effective.Resolve(c.s, checkout).Get(checkout)
	for _, result := range []*effective.Target{e, nil} {
		for _, w := range at(noon).Target(checkout, result, c) {
			if w.Object.GetKind() == publish.Kind {
				t.Errorf("%s of %s", w.Verb, w.Object.GetName())
			}
		}
	}
}

func TestNamesCannotMeet(t *testing.T) {
	ref := func(group, kind, namespace, name string) hierarchy.Ref {
		return hierarchy.NewRef(group, kind, namespace, name)
	}
	names := map[string]hierarchy.Ref{}
	for want, r := range map[string]hierarchy.Ref{
		"httproute.checkout": checkout,
		"gateway.public":     hierarchy.GatewayRef("infra", "public"),
		"":                   ref("example.com", "HTTPRoute", "shop", "checkout"),
		"httproute.a-5f2b8c015f2b8c015f2b8c015f2b8c01-": ref(hierarchy.Group, "HTTPRoute", "shop", "a-5f2b8c015f2b8c015f2b8c015f2b8c01"),
		"httproute." + strings.Repeat("a", 200):         ref(hierarchy.Group, "HTTPRoute", "shop", strings.Repeat("a", 250)),
	} {
		got := publish.ObjectName(r)
		if other, taken := names[got]; taken {
			t.Errorf("%s and %s are both called %s", r, other, got)
		}
		names[got] = r
		if !strings.HasPrefix(got, want) || len(got) > 253 {
			t.Errorf("%s is called %s, want %s", r, got, want)
		}
	}
	// By hand: printf %s example.com/HTTPRoute/shop/checkout | sha256sum.
	if got := publish.ObjectName(ref("example.com", "HTTPRoute", "shop", "checkout")); got != "httproute.checkout-9ec82da79effaef1c3de75c2626ff459" {
		t.Errorf("got %s", got)
	}
}
