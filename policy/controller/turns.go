package controller

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
)

// judgeSlice is how long the gate judges without a break. Then it processes the changes since, and
// continues.
const judgeSlice = 250 * time.Millisecond

// decision is the decision about one target.
type decision struct {
	target    hierarchy.Ref
	published published
	withheld  *withheld
}

// rule judges targets against what is published, and lists those that it had no time for. It
// changes nothing.
func (g *publication) rule(ctx context.Context, s *policy.Snapshot, guardrails []*guardrail.Guardrail, now map[hierarchy.Ref]*effective.Target) (decisions []decision, waiting refs) {
	denying := evaluate.Denying(guardrails)
	decisions = make([]decision, 0, len(now))
	var open []hierarchy.Ref
	for target, e := range now {
		was := g.published[target].of(e)
		if e != nil && len(denying) > 0 && (was.fromAbove || !was.isAlready(e) || guardrail.AnyEnded(denying, target)) {
			open = append(open, target)
			continue
		}
		decisions = append(decisions, decision{target: target, published: published{effective: e}})
	}
	on := judging{evaluate.Of(s, denying, g.enforced), denying, s, effective.NewResolver(s)}
	waiting = refs{}
	began := g.now()
	for i, target := range inTurn(open) {
		e := now[target]
		was := g.published[target].of(e)
		if i > 0 && g.slice > 0 && g.now().Sub(began) > g.slice {
			waiting.add(target)
			if g.published[target].effective != nil && was.effective == nil {
				// What is published belongs to another object of the same name.
				decisions = append(decisions, decision{target: target})
			}
			continue
		}
		decisions = append(decisions, on.decide(ctx, e, was))
	}
	return decisions, waiting
}

// judging is the input for judging targets.
type judging struct {
	evaluator  *evaluate.Evaluator
	guardrails []*guardrail.Guardrail
	s          *policy.Snapshot
	resolver   *effective.Resolver
}

// decide judges one target.
func (j judging) decide(ctx context.Context, e *effective.Target, was published) decision {
	r := decision{target: e.Target, published: published{effective: e}}
	if was.fromAbove {
		was = fromAbove(ctx, j.evaluator, j.s, j.resolver.Above(e.Target), was)
	}
	if was, r.withheld = j.afterEnd(ctx, e.Target, was); r.withheld != nil {
		r.published = was
		return r
	}
	if !was.isAlready(e) {
		r.withheld = judge(ctx, j.evaluator, j.s, was.shown(j.s), e)
	}
	if r.withheld != nil && was.isNothing() {
		// It is judged again compared with the substitute, as every later pass and a restart will do.
		if was = fromAbove(ctx, j.evaluator, j.s, j.resolver.Above(e.Target), published{}); !was.isNothing() {
			r.withheld = judge(ctx, j.evaluator, j.s, was.shown(j.s), e)
		}
	}
	if r.withheld != nil {
		r.published, r.withheld.fromAbove, r.withheld.nothing = was, was.fromAbove, was.effective == nil && r.withheld.ended()
	}
	return r
}

// afterEnd returns what stays published once exceptions have ended: nothing, if the published
// result was covered by an exception whose guardrail withholds it then. If that cannot be judged in
// time, the result stays, and is judged again.
func (j judging) afterEnd(ctx context.Context, target hierarchy.Ref, was published) (published, *withheld) {
	if was.isNothing() || !guardrail.AnyEnded(j.guardrails, target) {
		return was, nil
	}
	shown := was.shown(j.s)
	switch h := judge(ctx, j.evaluator, j.s, shown, shown); {
	case h == nil:
		return was, nil
	case len(h.violations) == 0:
		return was, h
	}
	return published{}, nil
}

// inTurn orders targets so that no namespace waits for all targets of another: one of each
// namespace, then the next one of each. Namespaces with few targets come first.
func inTurn(targets []hierarchy.Ref) []hierarchy.Ref {
	in := map[string][]hierarchy.Ref{}
	for _, t := range targets {
		in[t.Namespace] = append(in[t.Namespace], t)
	}
	var namespaces []string
	for namespace, list := range in {
		slices.SortFunc(list, hierarchy.Compare)
		namespaces = append(namespaces, namespace)
	}
	slices.SortFunc(namespaces, func(a, b string) int {
		if d := len(in[a]) - len(in[b]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	ordered := make([]hierarchy.Ref, 0, len(targets))
	for round := 0; len(ordered) < len(targets); round++ {
		for _, namespace := range namespaces {
			if list := in[namespace]; round < len(list) {
				ordered = append(ordered, list[round])
			}
		}
	}
	return ordered
}

// reopen queues withheld results that may now be judged differently: those that could not be
// judged, when that is due, and all when guardrails changed, or anything other than routes and
// policies. Changed routes and policies are judged anyway. Results that an exception covered are
// judged again when guardrails changed, which includes the end of an exception.
func (g *publication) reopen(s *policy.Snapshot, changed refs, guardrails []*guardrail.Guardrail, sameRails, due bool) {
	all := !sameRails
	if denying := evaluate.Denying(guardrails); !sameRails && len(denying) > 0 {
		for target := range g.published {
			if guardrail.AnyEnded(denying, target) {
				g.waiting.add(target)
			}
		}
	}
	for ref := range changed {
		_, isPolicy := s.Kind(ref.GroupKind)
		all = all || !isPolicy && !s.IsRoute(ref.GroupKind)
	}
	for ref, h := range g.withheld {
		if all || due && len(h.violations) == 0 {
			g.waiting.add(ref)
		}
	}
}
