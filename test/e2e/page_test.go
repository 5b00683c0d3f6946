package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/pagetest"
)

// openedPage opens the page as a user, in a namespace.
func openedPage(t *testing.T, kubeconfig, namespace string) *pagetest.Page {
	t.Helper()
	p := pagetest.Open(t, "--kubeconfig", kubeconfig, "-n", namespace)
	t.Cleanup(p.Close)
	return p
}

// values are the fields that the page says apply to a route, such as TimeoutPolicy.request.
func valuesOn(p *pagetest.Page, target string) map[string]any {
	p.Helper()
	values := map[string]any{}
	answer := p.Get("effective", url.Values{"target": {target}})
	scopes, _ := answer["scopes"].([]any)
	for _, s := range scopes {
		scope, _ := s.(map[string]any)
		fields, _ := scope["fields"].([]any)
		for _, f := range fields {
			field, _ := f.(map[string]any)
			values[fmt.Sprint(field["policy"], ".", field["field"])] = field["value"]
		}
	}
	return values
}

// heard waits for an event.
func heard(t *testing.T, events <-chan pagetest.Event, what string, is func(pagetest.Event) bool) pagetest.Event {
	t.Helper()
	limit := time.After(time.Minute)
	var all []pagetest.Event
	for {
		select {
		case e, open := <-events:
			if !open {
				t.Fatalf("%s: the stream ended after %+v", what, all)
			}
			if all = append(all, e); is(e) {
				return e
			}
		case <-limit:
			t.Fatalf("%s: not within a minute; events: %+v", what, all)
		}
	}
}

// TestThePageFollowsTheCluster edits, and takes the API server away for a while.
func TestThePageFollowsTheCluster(t *testing.T) {
	s := startSite(t, nil, "rights")
	s.admin.apply(ofAbove)
	team := s.as(s.plane.Config, "rights")
	team.route("checkout", "30s")

	server, err := url.Parse(s.plane.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	line := newSwitchboard(t) // between the page and the API server
	line.to(server.Host)
	text, err := os.ReadFile(s.plane.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := t.TempDir() + "/kubeconfig"
	if err := os.WriteFile(kubeconfig, []byte(strings.ReplaceAll(string(text), server.Host, line.address)), 0o600); err != nil {
		t.Fatal(err)
	}
	p := openedPage(t, kubeconfig, "rights")
	events := p.Listen()
	if got := valuesOn(p, "httproute/rights/checkout")["TimeoutPolicy.request"]; got != "30s" {
		t.Fatalf("request is %v", got)
	}

	team.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: checkout, namespace: NS}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}, default: {request: 45s}}`)
	heard(t, events, "an edit", func(e pagetest.Event) bool {
		return slices.Contains(e.Changed, "timeoutpolicy/rights/checkout")
	})
	within(t, time.Minute, "the edit to be seen", func(context.Context) error {
		if got := valuesOn(p, "httproute/rights/checkout")["TimeoutPolicy.request"]; got != "45s" {
			return fmt.Errorf("request is %v", got)
		}
		return nil
	})

	line.down()
	e := heard(t, events, "the API server is gone", func(e pagetest.Event) bool { return e.Trouble != "" })
	if !strings.Contains(e.Trouble, "does not answer") {
		t.Errorf("said is %q", e.Trouble)
	}
	if summary := p.Get("summary", nil); summary["trouble"] != e.Trouble {
		t.Errorf("the summary says %v", summary["trouble"])
	}
	if got := valuesOn(p, "httproute/rights/checkout")["TimeoutPolicy.request"]; got != "45s" {
		t.Errorf("while it is gone, request is %v", got)
	}
	// What happens meanwhile is seen when it is back.
	team.route("later", "20s")
	line.up()
	heard(t, events, "the API server is back", func(e pagetest.Event) bool { return e.Trouble == "" })
	within(t, time.Minute, "what happened meanwhile to be seen", func(context.Context) error {
		code, answer := p.Ask("effective", url.Values{"target": {"httproute/rights/later"}})
		if code != http.StatusOK || !strings.Contains(answer, "20s") {
			return errors.New(answer)
		}
		return nil
	})
	code, said := p.Try(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: later, namespace: rights}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: later}, default: {request: 25s}}`, false)
	if code != http.StatusOK || !strings.Contains(said, "25s") {
		t.Errorf("an edit that is tried: %d %s", code, said)
	}
	if got := team.object("TimeoutPolicy", "later").Object["spec"].(map[string]any)["default"]; fmt.Sprint(got) != "map[request:20s]" { //nolint:forcetypeassert // it is an object
		t.Errorf("it was applied: %v", got)
	}
}

// TestThePageWithTheRightsOfOneNamespace opens it as an administrator, and as a person with the
// cluster's own role view in one namespace. That includes attache-view on clusters that aggregate
// roles; this one does not, so both are bound.
func TestThePageWithTheRightsOfOneNamespace(t *testing.T) {
	s := startSite(t, nil, "rights", "neighbours")
	s.admin.apply(ofAbove)
	team := s.as(s.plane.Config, "rights")
	team.route("checkout", "90s")
	s.as(s.plane.Config, "neighbours").route("secret", "7s")
	within(t, time.Minute, "the result to be published", func(context.Context) error {
		u := team.find("EffectivePolicy", "httproute.checkout")
		if u == nil || !strings.Contains(fmt.Sprint(u.Object), "ceiling") {
			return errors.New("it is not")
		}
		return nil
	})
	viewer := s.reader("vera", "attache-view", "rights")
	s.admin.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: vera-view, namespace: rights}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: User, name: vera, apiGroup: rbac.authorization.k8s.io}]`)
	admin := controlplane.User{Config: s.plane.Config, Kubeconfig: s.plane.Kubeconfig}
	whole, mine := openedPage(t, admin.Kubeconfig, "rights"), openedPage(t, viewer.Kubeconfig, "rights")

	if got, want := valuesOn(mine, "httproute/rights/checkout"), valuesOn(whole, "httproute/rights/checkout"); fmt.Sprint(got) != fmt.Sprint(want) || got["TimeoutPolicy.request"] != "60s" {
		t.Errorf("they see %v, the administrator %v", got, want)
	}
	_, text := mine.Ask("effective", url.Values{"target": {"httproute/rights/checkout"}})
	for _, part := range []string{"infra/ceiling", "infra/floor", "90s"} { // who governs it
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
	summary := mine.Get("summary", nil)
	hidden := fmt.Sprint(summary["hidden"])
	for _, part := range []string{"kind:GatewayClass ", "except:[rights] group:attache.dev kind:TimeoutPolicy "} {
		if summary["published"] != true || !strings.Contains(hidden, part) {
			t.Errorf("no %q in the summary: %v", part, summary)
		}
	}
	for _, name := range []string{"summary", "routes", "map", "tree", "policies", "bindings", "guardrails", "search?q=secret", "request?u=http://secret.example.com/"} {
		name, query, _ := strings.Cut(name, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, text := mine.Ask(name, values); strings.Contains(text, "neighbours") || strings.Contains(text, "7s") {
			t.Errorf("/%s tells of others: %s", name, text)
		}
	}
	for _, target := range []string{"httproute/neighbours/secret", "timeoutpolicy/neighbours/secret"} {
		for _, name := range []string{"effective", "describe", "object", "enforcement", "bindings"} {
			if code, text := mine.Ask(name, url.Values{"target": {target}}); code == http.StatusOK && strings.Contains(text, "7s") {
				t.Errorf("/%s of %s: %s", name, target, text)
			}
		}
	}
	code, answer := mine.Try(`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: x, namespace: rights}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}, default: {request: 1s}}}`, false)
	if code == http.StatusOK || !strings.Contains(answer, "may not list") {
		t.Errorf("an edit: %d %s", code, answer)
	}
	// What is published newly is seen.
	events := mine.Listen()
	team.route("second", "15s")
	heard(t, events, "a new result", func(e pagetest.Event) bool { return slices.Contains(e.Changed, "httproute/rights/second") })
}
