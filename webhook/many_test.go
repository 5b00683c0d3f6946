package webhook

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attache-dev/attache/policy/guardrail"
)

// One tenant has its policies reviewed again and again, each for as long as a review
// may take; another gets its answers meanwhile, however many of the first wait.
func TestOthersAreReviewedWhileOneTenantIs(t *testing.T) {
	s := world(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: other, namespace: team-b}, spec: {parentRefs: [{name: public, namespace: infra}], rules: [{}]}}`)
	h := handlersOf(t, s, func(o *Options) {
		o.Deadline, o.Concurrency = 300*time.Millisecond, 2
		o.Guardrails = func() []*guardrail.Guardrail {
			return []*guardrail.Guardrail{{Name: "patient", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{slowFor("shop")}}}
		}
	})
	heavy := create(t, timeout("shop", onCart, tenS))
	heavy.dryRun = true
	stop := make(chan struct{})
	var attack sync.WaitGroup
	for range 8 {
		attack.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					post(h.Validate(), heavy.body(t))
				}
			}
		})
	}
	light := create(t, timeout("team-b", "kind: HTTPRoute, name: other", tenS))
	for range 20 {
		if answer := post(h.Validate(), light.body(t)); answer.StatusCode != http.StatusOK {
			t.Errorf("HTTP %d: %s", answer.StatusCode, statusOf(t, answer).Message)
		}
	}
	close(stop)
	attack.Wait()
}

// What a tenant has below them, however much it is, keeps the platform neither from
// editing nor from deleting its policies, within the chart's two seconds.
func TestThePlatformWritesAboveVeryManyPaths(t *testing.T) {
	gateway, class, s := wideWorld(t)
	h := handlersOf(t, s, with(t, object(t, readsNames)), func(o *Options) { o.MaxPaths, o.Deadline = 50_000, 2*time.Second })
	for what, a := range map[string]ask{
		"edits the Gateway's policy":   update(t, gateway, later(gateway)),
		"edits the class's policy":     update(t, class, later(class)),
		"deletes the Gateway's policy": remove(t, gateway),
		"deletes the class's policy":   remove(t, class),
	} {
		answer := post(h.Validate(), a.body(t))
		if answer.StatusCode != http.StatusOK {
			t.Errorf("the platform %s: HTTP %d: %s", what, answer.StatusCode, statusOf(t, answer).Message)
		} else if said, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(said), `"unjudged":"`) {
			t.Errorf("the platform %s, and the audit log does not tell what was not judged: %s, %v", what, said, err)
		}
	}
}
