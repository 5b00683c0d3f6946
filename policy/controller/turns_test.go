package controller

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
)

// slow is a rule that reads the name of the route and takes a while each time.
type slow struct {
	clock *time.Time
	asked int
	err   error
}

func (*slow) Uses() guardrail.Variables { return guardrail.Route | guardrail.Effective }

func (s *slow) Check(context.Context, guardrail.Input) ([]guardrail.Finding, error) {
	s.asked++
	*s.clock = s.clock.Add(100 * time.Millisecond)
	return nil, s.err
}

// crowd is a Gateway with many routes in one namespace and one in another, and a
// state whose gate asks a slow rule.
func crowd(t *testing.T, routes int) (*state, *slow, *policy.Snapshot) {
	t.Helper()
	clock := time.Unix(0, 0)
	rule := &slow{clock: &clock}
	guardrails := []*guardrail.Guardrail{{Name: "slow", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{rule}}}
	s := newState(func() []*guardrail.Guardrail { return guardrails })
	s.publication.slice, s.publication.now = 250*time.Millisecond, func() time.Time { return clock }
	objects := []*unstructured.Unstructured{
		object(timeoutCRD),
		object("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: p, namespace: infra}, spec: {targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: g}, default: {request: 1s}}}"),
		object("{" + gatewayAPI + "Gateway, metadata: {name: g, namespace: infra}, spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}"),
	}
	for i := range routes {
		objects = append(objects, routeIn("a", fmt.Sprint("r", i)))
	}
	world, problems := policy.NewSnapshot(policy.Options{}).With(objects...)
	for _, p := range problems {
		t.Fatal(p)
	}
	return s, rule, world
}

func routeIn(namespace, name string) *unstructured.Unstructured {
	return object(fmt.Sprintf("{%sHTTPRoute, metadata: {name: %s, namespace: %s, uid: %s-%s}, spec: {parentRefs: [{name: g, namespace: infra}]}}", gatewayAPI, name, namespace, namespace, name))
}

func ref(namespace, name string) hierarchy.Ref {
	return hierarchy.NewRef("gateway.networking.k8s.io", "HTTPRoute", namespace, name)
}

// A namespace with many routes whose guardrails take long does not keep those of others from being
// published.
func TestTheGateJudgesNamespacesInTurn(t *testing.T) {
	s, _, world := crowd(t, 40)
	s.begin(t.Context(), world, nil, &memory{})
	if n := len(s.publication.waiting); n < 30 {
		t.Fatalf("%d of 40 wait after a slice in which three can be judged", n)
	}
	for target := range s.publication.waiting {
		c := &Controller{state: s, live: &memory{}}
		if writes := c.target(target, nil); len(writes) > 0 {
			t.Errorf("%s waits and is written: %v", target, writes)
		}
	}
	world, _ = world.With(routeIn("b", "other"))
	dirty, _ := s.settle(t.Context(), world, refs{ref("b", "other"): {}}, refs{}, false)
	if _, written := dirty[ref("b", "other")]; !written || s.publication.published[ref("b", "other")].effective == nil {
		t.Error("the other namespace's route was not judged in the next slice")
	}
	for pass := range 40 {
		if len(s.publication.waiting) == 0 {
			break
		}
		if pass == 39 {
			t.Fatal("there is no end")
		}
		s.settle(t.Context(), world, refs{}, refs{}, false)
	}
	if n := len(s.publication.published); n != 42 { // and the Gateway
		t.Errorf("%d of 42 are published", n)
	}
}

// What could not be evaluated is evaluated again when that is due, and what was evaluated is not
// evaluated again because somebody else changes something.
func TestWhatIsWithheldIsJudgedAgainWhenThatIsDue(t *testing.T) {
	s, rule, world := crowd(t, 1)
	rule.err = guardrail.TooSlow{}
	s.begin(t.Context(), world, nil, &memory{})
	if n := s.publication.count(); n.undecided != 1 {
		t.Fatalf("%+v", n)
	}
	asked := rule.asked
	for i := range 5 {
		world, _ = world.With(object(fmt.Sprintf("{%sHTTPRoute, metadata: {name: none, namespace: z, generation: %d}, spec: {}}", gatewayAPI, i)))
		s.settle(t.Context(), world, refs{ref("z", "none"): {}}, refs{}, false)
	}
	if rule.asked != asked {
		t.Errorf("it was asked %d times more", rule.asked-asked)
	}
	rule.err = nil
	s.settle(t.Context(), world, refs{}, refs{}, true)
	if n := s.publication.count(); n.undecided != 0 || s.publication.published[ref("a", "r0")].effective == nil {
		t.Errorf("%+v", n)
	}
}
