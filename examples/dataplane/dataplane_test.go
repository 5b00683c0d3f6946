package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/policy/request"
	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
)

const routeName = "r"

func routeWith(t *testing.T, annotations map[string]any, generation int64) (*state, *hierarchy.Route) {
	t.Helper()
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
		"metadata": map[string]any{"name": routeName, "namespace": "shop", "generation": generation, "annotations": annotations},
		"spec":     map[string]any{"rules": []any{map[string]any{"name": "pay"}, map[string]any{}}},
	}}
	object, problems := decode.Object(u, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return &state{objects: map[hierarchy.Ref]*unstructured.Unstructured{object.Meta().Ref: u}, settings: map[hierarchy.Ref]routeSettings{}}, object.(*hierarchy.Route)
}

func listener() *hierarchy.Listener {
	return &hierarchy.Listener{
		Ref: hierarchy.GatewayRef("infra", "g").WithSection("http"), Gateway: hierarchy.GatewayRef("infra", "g"),
		Spec: hierarchy.ListenerSpec{Name: "http"},
	}
}

const applies = `{"version":2,"generation":1,"scopes":[{"parents":[{"gateway":{"namespace":"infra","name":"g"},"listener":"http"}],"rules":[{"index":0,"name":"pay"}],"effective":{"TimeoutPolicy":{"request":"3s"}}}]}`

// An object that cannot be read leaves the last known state; a route without a known state is not
// served.
func TestWhatCannotBeReadLeavesWhatWasKnown(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	before, route := routeWith(t, map[string]any{annotation.Key: applies}, 1)
	known := before.read(nil, route, log)
	if got := known.at(listener(), 0).Request; got != 3*time.Second {
		t.Errorf("request is %s", got)
	}
	if got := known.at(listener(), 1).Request; got != 0 {
		t.Errorf("of another rule: %s", got)
	}
	before.settings[route.Meta().Ref] = known
	for name, text := range map[string]string{"a newer form": `{"version":9}`, "withheld": `{"version":2,"withheld":"GuardrailViolated"}`, "not there": `{"version":2,"see":"httproute.r"}`} {
		now, route := routeWith(t, map[string]any{annotation.Key: text}, 2)
		if got := now.read(before, route, log).at(listener(), 0).Request; got != 3*time.Second {
			t.Errorf("%s: request is %s", name, got)
		}
		if !now.read(nil, route, log).unserved {
			t.Errorf("%s: a route of which nothing is known is taken up", name)
		}
	}
	if now, route := routeWith(t, nil, 2); now.read(before, route, log).annotation != nil {
		t.Error("without the annotation something applies")
	}
}

// A request takes a token of every limit, or of none.
func TestARefusedRequestTakesNothing(t *testing.T) {
	_, route := routeWith(t, nil, 1)
	hit := &request.Hit{Listener: listener(), Route: route}
	wide, narrow := annotation.Limit{Name: "a", Rate: 1, Size: 3, Counter: "Rule"}, annotation.Limit{Name: "b", Rate: 1, Size: 1, Counter: "Rule"}
	l := &limiter{buckets: map[string]*rate.Limiter{}}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	now := time.Now()
	take := func(limits ...annotation.Limit) string {
		if refused, _ := l.take(limits, hit, r, now); refused != nil {
			return refused.Name
		}
		return ""
	}
	for i, want := range []string{"", "b", "b", "b"} {
		if got := take(wide, narrow); got != want {
			t.Errorf("request %d is refused by %q, want %q", i, got, want)
		}
	}
	for i, want := range []string{"", "", "a"} { // two of three are left
		if got := take(wide); got != want {
			t.Errorf("of the wide limit alone, request %d is refused by %q, want %q", i, got, want)
		}
	}
	now = now.Add(time.Second)
	if got := take(wide, narrow); got != "" {
		t.Errorf("a second later it is refused by %q", got)
	}
}

// Buckets that are full again are removed when there are many.
func TestBucketsDoNotPileUp(t *testing.T) {
	_, route := routeWith(t, nil, 1)
	hit := &request.Hit{Listener: listener(), Route: route}
	limits := []annotation.Limit{{Name: "a", Rate: 1e6, Size: 1, Key: "Header:x", Counter: "Rule"}}
	l := &limiter{buckets: map[string]*rate.Limiter{}}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := range 3 * manyBuckets {
		r.Header.Set("x", time.Duration(i).String())
		l.take(limits, hit, r, time.Now().Add(-time.Minute))
	}
	if len(l.buckets) > 2*manyBuckets {
		t.Errorf("%d buckets", len(l.buckets))
	}
}
