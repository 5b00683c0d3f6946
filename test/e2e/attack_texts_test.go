package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/test/eventually"
)

// ears keep what an API server says to somebody, warnings and refusals.
type ears struct {
	mu    sync.Mutex
	heard []string
}

// HandleWarningHeader hears a warning.
func (e *ears) HandleWarningHeader(_ int, _, text string) { e.hear(text) }

func (e *ears) hear(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, text)
}

// all is what was heard so far.
func (e *ears) all() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.heard...)
}

// hearing is a world whose owner's warnings are kept.
func (s *site) hearing(name, namespace string) (*world, *ears) {
	s.Helper()
	e := &ears{}
	config := rest.CopyConfig(s.user(name, namespace).Config)
	config.WarningHandler = e
	return newWorld(s.TB, config, namespace), e
}

// tries applies a manifest that may be refused, and keeps what is said.
func (w *world) tries(e *ears, manifest string) {
	w.Helper()
	if _, err := w.tryCreate(manifest); err != nil {
		e.hear(err.Error())
	}
}

// rivals are a Gateway of team-a that team-b has a route on, a grant of team-a, and
// a guardrail that is talkative.
const rivals = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: agw, namespace: team-a}
spec:
  gatewayClassName: edge
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: secret-route, namespace: team-b}
spec: {parentRefs: [{name: agw, namespace: team-a}], hostnames: [topsecret.example.com], rules: [{name: secret-rule, timeouts: {request: 7s}}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: team-a}
spec: {parentRefs: [{name: public, namespace: infra}], rules: [{name: r1}]}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: very-private-name, namespace: team-a}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: web}, default: {request: 5s}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: bob, namespace: team-a}
spec: {from: [{group: attache.dev, kind: TimeoutPolicy, namespace: team-b}], to: [{group: gateway.networking.k8s.io, kind: HTTPRoute}]}
---
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: echo}
spec:
  cel:
  - expression: "!has(effective.TimeoutPolicy) || !has(effective.TimeoutPolicy.idle) || duration(effective.TimeoutPolicy.idle) <= duration('60s')"
    messageExpression: "'secret: ' + route.name + ' ' + route.namespace + ' ' + route.hostnames.join(',')"
    fieldPath: effective.TimeoutPolicy.idle
`

// reveals says which of the words stand in any of the texts.
func reveals(texts []string, words ...string) error {
	for _, text := range texts {
		for _, word := range words {
			if strings.Contains(text, word) {
				return fmt.Errorf("%q is told: %s", word, text)
			}
		}
	}
	return nil
}

// written are the statuses and events of a namespace, for whoever may read it.
func (w *world) written() []string {
	w.Helper()
	var texts []string
	for _, kind := range []string{"TimeoutPolicy", "RetryPolicy", "RateLimitPolicy"} {
		for _, u := range w.all(kind, w.namespace) {
			texts = append(texts, fmt.Sprint(u.Object["status"]))
		}
	}
	for _, u := range w.all("Event.v1.events.k8s.io", w.namespace) {
		texts = append(texts, fmt.Sprint(u.Object["note"]))
	}
	return texts
}

// Nobody learns what is in the namespace of another tenant.
func TestTextsDoNotTellOfOthers(t *testing.T) {
	s := startSite(t, nil, "team-a", "team-b")
	alice, said := s.hearing("alice", "team-a")
	bob, toBob := s.hearing("bob", "team-b")
	s.admin.apply(rivals)
	within(t, patience, "team-a's policy to be in force", func(context.Context) error {
		if alice.find(publish.Kind, "httproute.web") == nil {
			return errors.New("it is not")
		}
		return nil
	})
	onGateway := "kind: Gateway, name: agw"
	alice.tries(said, policyOn("team-a", "own", onGateway, "default: {request: 3s}"))    // bob's own 7s wins
	alice.tries(said, policyOn("team-a", "second", onGateway, "default: {backend: 8s}")) // it conflicts
	alice.tries(said, policyOn("team-a", "third", onGateway, "override: {idle: 5m}"))    // echo
	// Together with 7s it is invalid, or clamped.
	if err := alice.attempt("TimeoutPolicy", "own", func(u *obj) { setBlock(u, "default", map[string]any{"backend": "8s"}) }); err != nil {
		said.hear(err.Error())
	}
	bob.tries(toBob, policyOn("team-b", "aaa", "kind: HTTPRoute, name: web, namespace: team-a", "default: {request: 9s}"))
	s.noWebhooks() // what admission refuses has to be held back
	within(t, patience, "the policy to be edited", func(ctx context.Context) error {
		u := alice.object("TimeoutPolicy", "own")
		setBlock(u, "override", map[string]any{"idle": "5m"})
		return alice.Update(ctx, u)
	})
	alice.untilProgrammed("own", status.ReasonGuardrailViolated)
	s.controller.idle(t)
	admin := s.as(s.plane.Config, "team-a")
	if err := reveals(append(said.all(), admin.written()...), "secret", "team-b", "topsecret"); err != nil {
		t.Error("to team-a ", err)
	}
	admin.namespace = "team-b"
	if err := reveals(append(toBob.all(), admin.written()...), "very-private", "team-a/own", "alice"); err != nil {
		t.Error("to team-b ", err)
	}
	if len(said.all()) < 3 || len(toBob.all()) == 0 {
		t.Errorf("hardly anything was said: %q, %q", said.all(), toBob.all())
	}
	_, message := alice.programmed("own")
	if !strings.Contains(message, "1 route of other namespaces") || !strings.Contains(message, "If all were published: ") {
		t.Errorf("the status does not say that something is held back elsewhere: %s", message)
	}
	t.Logf("a person of team-a reads %q and %q", said.all(), message)
}

// A guardrail's message cannot forge lines or move the cursor.
func TestMessagesAreShownAsText(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	s.admin.apply(`
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: loud}
spec:
  cel:
  - expression: "!has(effective.TimeoutPolicy)"
    message: "a\u001b[31mred\u0007\r\n- guardrail fake: HTTPRoute x\u202eevil"
`)
	within(t, patience, "the guardrail to object", func(context.Context) error {
		s.admin.apply(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: web, namespace: team-a}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}}`)
		_, err := alice.tryCreate(policyOn("team-a", "p", "kind: HTTPRoute, name: web", "default: {request: 5s}"))
		if err == nil {
			alice.remove("TimeoutPolicy", "p")
			return errors.New("it does not")
		}
		if strings.ContainsAny(err.Error(), "\x1b\a\r\u202e") || strings.Contains(err.Error(), "\n- guardrail fake") || !strings.Contains(err.Error(), `a\u{001b}[31mred`) {
			return eventually.Final(fmt.Errorf("a person reads %q", err.Error()))
		}
		return nil
	})
}
