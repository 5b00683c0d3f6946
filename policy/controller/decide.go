package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/status"
)

// decide lists the writes that make what is written about one object true:
//
//	the object                             the writes make true
//	a route or a Gateway                   its annotation and its EffectivePolicy
//	one that is gone                       that it has no EffectivePolicy
//	a policy                               its status
//	an EffectivePolicy of nothing known    that it is gone
func (c *Controller) decide(ctx context.Context, ref hierarchy.Ref) []status.Write {
	s := c.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p, isPolicy := s.snapshot.Policy(ref); isPolicy {
		return c.planner.Policy(s.snapshot, p, &s.tally, c.live)
	}
	if ref.GroupKind == effectiveKind {
		if s.shown(ref) != ref || c.live.EffectivePolicy(ref.Namespace, ref.Name) == nil {
			return nil
		}
		return []status.Write{{Verb: status.Delete, Object: bare(ref)}}
	}
	e := s.effective[ref]
	if e != nil && e.Reached() && !c.gate.Permits(ctx, s.snapshot, e) {
		return nil
	}
	return c.planner.Target(ref, e, c.live)
}

// bare names an EffectivePolicy.
func bare(ref hierarchy.Ref) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(status.APIVersion)
	u.SetKind(status.Kind)
	u.SetNamespace(ref.Namespace)
	u.SetName(ref.Name)
	return u
}
