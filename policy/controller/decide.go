package controller

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// live is what the API server has.
type live interface {
	status.Live
	Conditions(ref hierarchy.Ref) status.Conditions
}

// plan is decide, or guardrailStatus for a guardrail, and what data planes make
// of a route.
func (c *Controller) plan(ctx context.Context, ref hierarchy.Ref) ([]status.Write, *enforced, error) {
	if ref.GroupKind == guardrail.Kind {
		writes, err := c.guardrailStatus(ctx, ref)
		return writes, nil, err
	}
	writes, on := c.decide(ref)
	return writes, on, nil
}

// get reads a cluster-scoped object; nil when there is none.
func (c *Controller) get(ctx context.Context, resource schema.GroupVersionResource, name string) (*unstructured.Unstructured, error) {
	object, err := c.client.Resource(resource).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", resource.Resource, name, err)
	}
	return object, nil
}

// decide lists the writes that make what is written about one object true:
//
//	the object                             the writes make true
//	a route                                its annotation and its EffectivePolicy
//	a Gateway                              the same, and its Affected conditions
//	a GatewayClass or a ListenerSet        its Affected conditions
//	a route or a Gateway that is gone      that it has no EffectivePolicy
//	a policy                               its status
//	an EffectivePolicy of nothing known    that it is gone
func (c *Controller) decide(ref hierarchy.Ref) ([]status.Write, *enforced) {
	s := c.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p, isPolicy := s.snapshot.Policy(ref); isPolicy {
		planner := c.planned(nil)
		planner.Holds = func(p hierarchy.Ref) []status.Hold { return s.publication.of(p, s.snapshot) }
		return planner.Policy(s.snapshot, p, &s.tally, c.live), nil
	}
	switch ref.GroupKind {
	case publish.EffectivePolicyKind:
		live := c.live.EffectivePolicy(ref.Namespace, ref.Name)
		if s.shown(ref) != ref || live == nil || !publish.OwnedBy(live, publish.TargetOf(live)) {
			return nil, nil
		}
		return []status.Write{{Verb: status.Delete, Object: bare(ref)}}, nil
	case hierarchy.GatewayClassKind, hierarchy.ListenerSetKind:
		return c.affected(ref), nil
	case hierarchy.GatewayKind:
		return append(c.target(ref, nil), c.affected(ref)...), nil
	}
	on := c.enforcedOn(ref)
	return c.target(ref, on), on
}

// target is decide for what effective policies are published for.
func (c *Controller) target(ref hierarchy.Ref, on *enforced) []status.Write {
	p, h := c.state.publication.published[ref], c.state.publication.withheld[ref]
	if _, waits := c.state.publication.waiting[ref]; waits && p.effective == nil && h == nil {
		return nil // nothing is published of it yet, and nothing is decided
	}
	if p.found == nil && h == nil {
		return c.planned(on).Target(ref, p.effective, c.live)
	}
	was, uid := p.found.Object(), ""
	if e := c.state.effective[ref]; e != nil {
		uid = e.UID
	}
	if was == nil {
		was = c.planned(on).Object(ref, p.effective)
		publish.MarkFromAbove(was, p.fromAbove)
	}
	return c.planner.Keep(ref, uid, was, h.said(c.state.snapshot.ReaderIn(ref.Namespace)), c.live)
}

// affected is decide for what has Affected conditions.
func (c *Controller) affected(ref hierarchy.Ref) []status.Write {
	object, exists := c.state.snapshot.Graph().Get(ref)
	if !exists {
		return nil
	}
	return c.planner.Affected(c.state.snapshot, ref, object.Meta().Generation, c.live.Conditions(ref))
}

// bare names an EffectivePolicy.
func bare(ref hierarchy.Ref) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(publish.APIVersion)
	u.SetKind(publish.Kind)
	u.SetNamespace(ref.Namespace)
	u.SetName(ref.Name)
	return u
}
