package webhook

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/attache-dev/attache/policy/publish"
)

// timeout is a TimeoutPolicy named p in a namespace.
func timeout(namespace, target, blocks string) string {
	return fmt.Sprintf(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: p, namespace: %s}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, %s}
  %s
`, namespace, target, blocks)
}

const (
	onCart  = "kind: HTTPRoute, name: cart"
	onClass = "kind: GatewayClass, name: edge"
	tenS    = "default: {request: 10s}"
)

func TestWhatAPolicyMayTarget(t *testing.T) {
	const udp = `
apiVersion: gateway.networking.k8s.io/v1
kind: UDPRoute
metadata: {name: dns, namespace: shop}
spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}
`
	older := strings.Replace(timeout("shop", onCart, tenS), "name: p,", `name: older, creationTimestamp: "2026-01-01T00:00:00Z",`, 1)
	for name, test := range map[string]struct {
		policy  string
		world   string
		code    int32  // of the denial; 0 allows it
		field   string // of the denial
		says    string // in the denial
		warning string
	}{
		"its route":              {policy: timeout("shop", onCart, tenS)},
		"a rule":                 {policy: timeout("shop", onCart+", sectionName: pay", tenS)},
		"a Gateway":              {policy: timeout("infra", "kind: Gateway, name: public, sectionName: https", tenS), code: 0},
		"a class, from platform": {policy: timeout("infra", onClass, tenS), warning: "TimeoutPolicy infra/p has no effect on any of 3 paths: TimeoutPolicy infra/public wins"},
		"a class, from a tenant": {policy: timeout("shop", onClass, tenS), code: 403, field: "spec.targetRef", says: `a policy in namespace "shop" may not target a GatewayClass: create it in a platform namespace (infra)`},
		"a section of a class":   {policy: timeout("infra", onClass+", sectionName: https", tenS), warning: "a GatewayClass has no sections: leave sectionName out"},
		"a Service":              {policy: strings.Replace(timeout("shop", "kind: Service, name: cart", tenS), "group: gateway.networking.k8s.io", `group: ""`, 1), warning: `not to kind "Service"`},
		"a group with a version": {policy: strings.Replace(timeout("shop", onCart, tenS), "networking.k8s.io", "networking.k8s.io/v1", 1), warning: `write "gateway.networking.k8s.io" without "/v1"`},
		"two rules of one name":  {policy: timeout("shop", onCart+", sectionName: twice", tenS), warning: `2 rules named "twice"`},
		"a Gateway elsewhere":    {policy: timeout("shop", "kind: Gateway, name: public, namespace: infra", tenS), warning: "no ReferenceGrant"},
		"a Gateway elsewhere that is not there": {
			policy: timeout("shop", "kind: Gateway, name: secret, namespace: infra", tenS), warning: "no ReferenceGrant"},
		"a Gateway elsewhere, granted": {policy: timeout("shop", "kind: Gateway, name: private, namespace: infra", tenS), world: `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: shop, namespace: infra}
spec: {from: [{group: attache.dev, kind: TimeoutPolicy, namespace: shop}], to: [{group: gateway.networking.k8s.io, kind: Gateway}]}
`, warning: "does not exist"},
		"a route that comes later": {policy: timeout("shop", "kind: HTTPRoute, name: later", tenS), warning: "HTTPRoute shop/later does not exist"},
		"a rule that is not there": {policy: timeout("shop", onCart+", sectionName: refund", tenS), warning: `no rule named "refund"`},
		"a route that is taken":    {policy: timeout("shop", onCart, tenS), world: older, warning: "TimeoutPolicy shop/older is older and holds HTTPRoute shop/cart"},
		"nothing applies": {policy: timeout("shop", "kind: UDPRoute, name: dns", tenS), world: udp,
			warning: "nothing in this TimeoutPolicy means anything on UDPRoutes"},
		"something does not apply": {policy: timeout("shop", "kind: UDPRoute, name: dns", "default: {request: 10s, idle: 30s}"), world: udp,
			warning: "request of this TimeoutPolicy has no effect on UDPRoutes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := world(t)
			if test.world != "" {
				s = world(t, test.world)
			}
			response := answerTo(t, handlersOf(t, s).Validate(), create(t, test.policy))
			if response.Allowed != (test.code == 0) {
				t.Fatalf("allowed is %v: %v %v", response.Allowed, response.Result, response.Warnings)
			}
			if test.warning == "" && has(response.Warnings, "TimeoutPolicy infra/p") || test.warning != "" && !has(response.Warnings, test.warning) {
				t.Errorf("warnings are %q, want %q", response.Warnings, test.warning)
			}
			if response.Allowed {
				return
			}
			cause := response.Result.Details.Causes[0]
			if response.Result.Code != test.code || cause.Field != test.field || !strings.Contains(cause.Message, test.says) || !strings.Contains(response.Result.Message, test.says) {
				t.Errorf("got %+v", response.Result)
			}
		})
	}
}

func TestWhatWasWrongBeforeDoesNotDeny(t *testing.T) {
	h := handlersOf(t, world(t)).Validate()
	wrong := timeout("shop", onClass, tenS)
	better := timeout("shop", onClass, "default: {request: 20s}")
	response := answerTo(t, h, update(t, wrong, better))
	if !response.Allowed || !has(response.Warnings, "may not target a GatewayClass") {
		t.Errorf("got %+v", response)
	}
	relabelled := strings.Replace(wrong, "name: p,", "name: p, labels: {a: b}, finalizers: [example.com/x],", 1)
	if response := answerTo(t, h, update(t, wrong, relabelled)); !response.Allowed {
		t.Errorf("got %+v", response.Result)
	}
	if response := answerTo(t, h, update(t, timeout("shop", onCart, tenS), wrong)); response.Allowed {
		t.Error("an update may do what a creation may not")
	}
}

func TestAnEditMayNotMakeAMergedResultInvalid(t *testing.T) {
	s := worldOf(t, kindsAtOdds)
	h := handlersOf(t, s).Validate()
	tooLong := timeout("shop", onCart, "default: {backend: 60s}")

	response := answerTo(t, h, create(t, tooLong))
	if response.Allowed {
		t.Fatalf("allowed: %q", response.Warnings)
	}
	message := response.Result.Message
	for _, part := range []string{"TimeoutPolicy shop/p: spec.default.backend: ", "HTTPRoute shop/cart", "listener https of Gateway infra/public",
		"backend 60s is longer than request 10s", "default of TimeoutPolicy infra/public on Gateway infra/public", "default of TimeoutPolicy shop/p on HTTPRoute shop/cart"} {
		if !strings.Contains(message, part) {
			t.Errorf("the message lacks %q: %s", part, message)
		}
	}
	if response.Result.Code != http.StatusUnprocessableEntity || response.Result.Details.Causes[0].Field != "spec.default.backend" {
		t.Errorf("got %+v", response.Result)
	}

	// Once it is so, whoever changes something else is not held up.
	s = worldOf(t, kindsAtOdds, tooLong)
	h = handlersOf(t, s).Validate()
	for name, a := range map[string]ask{
		"another value that is as wrong": update(t, tooLong, timeout("shop", onCart, "default: {backend: 50s}")),
		"something unrelated":            create(t, strings.Replace(strings.Replace(timeout("shop", onCart, "default: {maxRetries: 2}"), "TimeoutPolicy", "RetryPolicy", 1), "p,", "retry,", 1)),
		"another route":                  create(t, checkout),
		"the end of it":                  remove(t, tooLong),
	} {
		if response := answerTo(t, h, a); !response.Allowed {
			t.Errorf("%s: %s", name, response.Result.Message)
		}
	}
}

func TestARouteDoesNotAnswerForItsGateway(t *testing.T) {
	// The class and the Gateway are at odds with each other already.
	s := worldOf(t, kindsAtOdds, strings.Replace(timeout("infra", onClass, "override: {request: 2s}"), "name: p,", "name: class,", 1))
	if response := answerTo(t, handlersOf(t, s).Validate(), create(t, checkout)); !response.Allowed {
		t.Errorf("got %s", response.Result.Message)
	}
	inline := strings.Replace(checkout, "{name: pay}", "{name: pay, timeouts: {backendRequest: 1s}}", 1)
	if response := answerTo(t, handlersOf(t, s).Validate(), create(t, inline)); !response.Allowed {
		t.Errorf("got %s", response.Result.Message)
	}
}

func TestWhatARouteWritesItselfCounts(t *testing.T) {
	inline := strings.Replace(checkout, "{name: pay}", "{name: pay, timeouts: {request: 1s}}", 1)
	response := answerTo(t, handlersOf(t, worldOf(t, kindsAtOdds)).Validate(), create(t, inline))
	if response.Allowed || response.Result.Details.Causes[0].Field != "spec.rules[0].timeouts.request" ||
		!strings.Contains(response.Result.Message, "written in HTTPRoute shop/checkout#pay") {
		t.Errorf("got %+v", response.Result)
	}
}

func TestTenantsLearnNothingOfOthersRoutes(t *testing.T) {
	// A tenant's own Gateway, used by somebody else's route.
	const own = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: own, namespace: tenant}
spec:
  gatewayClassName: edge
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: confidential, namespace: shop}
spec:
  parentRefs: [{name: own, namespace: tenant}]
  rules: [{timeouts: {request: 1s}}]
`
	response := answerTo(t, handlersOf(t, worldOf(t, kindsAtOdds, own)).Validate(), create(t, timeout("tenant", "kind: Gateway, name: own", "override: {backend: 5s}")))
	// The route's own words stand further down, so the Gateway's owner is told
	// and not held up.
	if !response.Allowed || has(response.Warnings, "on HTTPRoute shop/confidential") || !has(response.Warnings, "1 object of other namespaces") {
		t.Errorf("got %+v %q", response.Result, response.Warnings)
	}
}

func TestEffectivePoliciesAreWrittenByTheControllerAlone(t *testing.T) {
	const effective = `
apiVersion: attache.dev/v1alpha1
kind: EffectivePolicy
metadata: {name: httproute.cart, namespace: shop}
targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: cart}
`
	h := handlersOf(t, world(t)).Validate()
	for user, allowed := range map[string]bool{
		"alice": false,
		"system:serviceaccount:attache-system:attache":                true,
		"system:serviceaccount:attache-system:attache2":               false,
		"system:serviceaccount:shop:attache":                          false,
		"system:serviceaccount:kube-system:generic-garbage-collector": true,
		"system:serviceaccount:kube-system:namespace-controller":      true,
		"system:kube-controller-manager":                              true,
		"system:serviceaccount:shop:namespace-controller":             false,
	} {
		onStatus := update(t, effective, effective+"status: {digest: x}")
		onStatus.subresource = "status"
		for _, a := range []ask{create(t, effective), update(t, effective, strings.Replace(effective, "name: cart", "name: card", 1)), onStatus, remove(t, effective)} {
			a.user = user
			response := answerTo(t, h, a)
			if response.Allowed != allowed {
				t.Errorf("%s by %s: allowed is %v", a.operation, user, response.Allowed)
			}
			if !allowed && (response.Result.Code != http.StatusForbidden || !strings.Contains(response.Result.Message, "EffectivePolicy shop/httproute.cart: ")) {
				t.Errorf("got %+v", response.Result)
			}
		}
	}
	same := update(t, effective, effective)
	same.user = "alice"
	if !answerTo(t, h, same).Allowed {
		t.Error("a write that changes nothing is refused")
	}
	anybody := handlersOf(t, world(t), func(o *Options) { o.Controllers = nil }).Validate()
	if !answerTo(t, anybody, create(t, effective)).Allowed {
		t.Error("with no controller named it should be left to RBAC")
	}
}

func TestWhatGoesIsNeverHeldUp(t *testing.T) {
	wrong := create(t, timeout("shop", onClass, tenS))
	h := handlersOf(t, world(t), func(o *Options) { o.Terminating = func(ns string) bool { return ns == "going" } }).Validate()

	byCleaner := wrong
	byCleaner.user = cleaners[0]
	now := metav1.Now()
	going := func(a ask) ask {
		a.old.SetDeletionTimestamp(&now)
		a.object.SetDeletionTimestamp(&now)
		return a
	}
	retargeted := going(update(t, timeout("shop", onCart, tenS), timeout("shop", onClass, tenS)))
	released := going(update(t, timeout("shop", onClass, tenS), timeout("shop", onClass, tenS)))
	released.old.SetFinalizers([]string{"example.com/hold"})
	ended := remove(t, timeout("going", onClass, tenS))
	for name, a := range map[string]ask{"by the namespace controller": byCleaner, "that takes a finalizer off": released, "that deletes in a namespace being deleted": ended} {
		if response := answerTo(t, h, a); !response.Allowed {
			t.Errorf("a write %s is denied: %s", name, response.Result.Message)
		}
	}
	changed := update(t, timeout("going", onCart, tenS), timeout("going", onClass, tenS))
	for name, a := range map[string]ask{"otherwise": wrong, "that changes the spec of what is being deleted": retargeted, "that changes a spec in a namespace being deleted": changed} {
		if answerTo(t, h, a).Allowed {
			t.Errorf("a write %s is allowed", name)
		}
	}
}

func TestAFalseAnnotationWarnsAndDoesNotDeny(t *testing.T) {
	s := world(t)
	h := handlersOf(t, s).Validate()
	spoofed := create(t, checkout)
	spoofed.object.SetAnnotations(map[string]string{publish.Annotation: "{}"})
	if r := answerTo(t, h, spoofed); !r.Allowed || !has(r.Warnings, "does not say what is in force") {
		t.Errorf("got %+v", r)
	}
	stale := update(t, checkout, checkout)
	for _, u := range []interface{ SetAnnotations(map[string]string) }{stale.old, stale.object} {
		u.SetAnnotations(map[string]string{publish.Annotation: "{}"})
	}
	if r := answerTo(t, h, stale); len(r.Warnings) > 0 {
		t.Errorf("an old annotation is nobody's fault: %q", r.Warnings)
	}
	right := create(t, checkout)
	right.object.SetAnnotations(map[string]string{publish.Annotation: wanted(t, s, right.object)})
	if r := answerTo(t, h, right); has(r.Warnings, "annotation") {
		t.Errorf("got %q", r.Warnings)
	}
}

func TestADryRunGetsTheSameAnswer(t *testing.T) {
	h := handlersOf(t, world(t)).Validate()
	for _, a := range []ask{
		create(t, timeout("shop", onClass, tenS)), create(t, timeout("shop", "kind: HTTPRoute, name: later", tenS)),
		create(t, checkout), create(t, timeout("shop", onCart, "default: {backend: 60s}")),
	} {
		dry := a
		dry.dryRun = true
		if one, two := encode(t, answerTo(t, h, a)), encode(t, answerTo(t, h, dry)); string(one) != string(two) {
			t.Errorf("for real %s\ndry run %s", one, two)
		}
	}
}

func TestWarningsAreShortAndFew(t *testing.T) {
	v := &verdict{}
	for range 25 {
		v.warn("%s", strings.Repeat("ä", 300))
	}
	got := v.answer(&request{AdmissionRequest: &admissionv1.AdmissionRequest{}}).warnings
	if len(got) != 3 || got[2] != "and 23 more warnings" {
		t.Errorf("got %d warnings, the last is %q", len(got), got[len(got)-1])
	}
	for _, w := range got {
		if len(w) >= 250 || strings.ToValidUTF8(w, "?") != w {
			t.Errorf("%d bytes: %s", len(w), w)
		}
	}
}
