package webhook

import (
	"context"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
)

const nearGrant = `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: routes, namespace: infra}
spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}], to: [{group: gateway.networking.k8s.io, kind: Gateway}]}
`

// readers are users by name, with the namespaces that they may read.
func readers(of map[string]string) func(context.Context, authenticationv1.UserInfo) func(string) bool {
	return func(_ context.Context, user authenticationv1.UserInfo) func(string) bool {
		return func(namespace string) bool { return strings.Contains(of[user.Username], namespace) }
	}
}

func TestAGrantThatNearlyFitsIsToldToWhoMayReadIt(t *testing.T) {
	h := handlersOf(t, world(t, nearGrant), func(o *Options) {
		o.MayRead = readers(map[string]string{"platform": "infra shop", "team": "shop"})
		o.MayReadGrants = readers(map[string]string{"platform": "infra shop"})
	}).Validate()
	want := `TimeoutPolicy shop/p: spec.targetRef: ReferenceGrant infra/routes nearly permits it: its from.group is "gateway.networking.k8s.io", not "attache.dev", its from.kind is "HTTPRoute", not "TimeoutPolicy"`
	for user, told := range map[string]bool{"platform": true, "team": false} {
		a := create(t, timeout("shop", "kind: Gateway, name: public, namespace: infra", tenS))
		a.user = user
		r := answerTo(t, h, a)
		if !r.Allowed || !has(r.Warnings, "no ReferenceGrant in namespace") || has(r.Warnings, want) != told || has(r.Warnings, "infra/routes") != told {
			t.Errorf("%s: got %q", user, r.Warnings)
		}
	}
	h = handlersOf(t, world(t, nearGrant)).Validate()
	if r := answerTo(t, h, create(t, timeout("shop", "kind: Gateway, name: public, namespace: infra", tenS))); has(r.Warnings, "infra/routes") {
		t.Errorf("with nobody to ask: got %q", r.Warnings)
	}
}

func TestTheAuthorOfAGrantIsToldWhatItNearlyPermits(t *testing.T) {
	waiting := timeout("shop", "kind: Gateway, name: public, namespace: infra", tenS)
	want := `ReferenceGrant infra/routes: spec: does not let TimeoutPolicy shop/p refer to Gateway infra/public: its from.group is "gateway.networking.k8s.io", not "attache.dev", its from.kind is "HTTPRoute", not "TimeoutPolicy"`
	near := strings.Replace(nearGrant, "}], to:", "}, {group: attache.dev, kind: RetryPolicy, namespace: shop}], to:", 1)
	for name, test := range map[string]struct {
		user, grant, world, want string
	}{
		"who may read the policy":    {user: "platform", grant: nearGrant, want: want},
		"who may not":                {user: "rival", grant: nearGrant},
		"the nearest pair counts":    {user: "platform", grant: near, want: `: its from.kind is "RetryPolicy", not "TimeoutPolicy"`},
		"another name":               {user: "platform", grant: strings.Replace(grantOf("TimeoutPolicy"), "kind: Gateway}", "kind: Gateway, name: private}", 1), want: `: its to.name is "private", not "public"`},
		"one that permits it":        {user: "platform", grant: grantOf("TimeoutPolicy")},
		"one that has nothing to do": {user: "platform", grant: strings.Replace(nearGrant, "kind: Gateway}", "kind: HTTPRoute}", 1)},
		"where another permits it":   {user: "platform", grant: nearGrant, world: strings.Replace(grantOf("TimeoutPolicy"), "name: routes", "name: other", 1)},
		"one that does other work":   {user: "platform", grant: grantOf("RetryPolicy"), world: strings.ReplaceAll(waiting, "TimeoutPolicy", "RetryPolicy")},
		"one in another namespace":   {user: "platform", grant: strings.Replace(nearGrant, "namespace: infra", "namespace: shop", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			objects := []string{waiting}
			if test.world != "" {
				objects = append(objects, strings.Replace(test.world, "request: 10s", "maxRetries: 1", 1))
			}
			h := handlersOf(t, world(t, objects...), func(o *Options) {
				o.MayRead = readers(map[string]string{"platform": "infra shop", "rival": "rival"})
			}).Validate()
			a := create(t, test.grant)
			a.user = test.user
			r := answerTo(t, h, a)
			if !r.Allowed || test.want == "" && has(r.Warnings, "does not let") || test.want != "" && !has(r.Warnings, test.want) {
				t.Errorf("got %q, want %q", r.Warnings, test.want)
			}
		})
	}
}

func grantOf(kind string) string {
	return strings.Replace(nearGrant, "group: gateway.networking.k8s.io, kind: HTTPRoute", "group: attache.dev, kind: "+kind, 1)
}
