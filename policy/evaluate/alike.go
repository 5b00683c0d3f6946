package evaluate

import (
	"context"
	"slices"

	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Most guardrails select every route and read nothing of a path but what applies there. What they say
// of one path they say of every path with the same results, so they are asked once whether they say
// anything. Only a target of which one does is then judged by it path by path.

// facts are all by which such guardrails can tell paths apart.
type facts struct {
	pair effective.Pair
	// before reports whether the path existed before; audit and gate are those of the Evaluator.
	before, audit, gate bool
}

// byResults says of each guardrail whether it judges a path by its results alone.
func byResults(guardrails []*guardrail.Guardrail) []bool {
	const ofResults = guardrail.Effective | guardrail.Origins | guardrail.Before | guardrail.AdmissionOnly
	list := make([]bool, len(guardrails))
	for i, g := range guardrails {
		list[i] = g.Broken == "" && g.Match.All() && g.Uses()&^ofResults == 0
	}
	return list
}

// alike reports whether a guardrail, by its place, judges a path by its results alone. At the gate
// that of one with exceptions depends on the route as well: whether one of them has ended there.
func (x *Evaluator) alike(i int) bool {
	return x.byResults[i] && !(x.gate && len(x.Guardrails[i].Exceptions) > 0)
}

// objecting says which guardrails that judge paths by their results object to any path of a target.
func (x *Evaluator) objecting(ctx context.Context, route path, before, after *effective.Target) (objecting map[*guardrail.Guardrail]bool, err error) {
	effective.AnyPair(before, after, func(pair effective.Pair) bool {
		p := route
		p.pair, p.before = pair, pair.Before != nil && p.old != nil
		var heard []*guardrail.Guardrail
		if heard, err = x.hear(ctx, p); len(heard) > 0 && objecting == nil {
			objecting = map[*guardrail.Guardrail]bool{}
		}
		for _, g := range heard {
			objecting[g] = true
		}
		return err != nil
	})
	return objecting, err
}

// silent says whether no guardrail has to look at the paths of a target, where some object to them.
func (x *Evaluator) silent(objecting map[*guardrail.Guardrail]bool) bool {
	for i, g := range x.Guardrails {
		if g.Broken == "" && (!x.alike(i) || objecting[g]) {
			return false
		}
	}
	return true
}

// onlyValues says whether the rules of those guardrails that judge paths by their results read nothing but
// values, or of the edit besides.
func onlyValues(guardrails []*guardrail.Guardrail, byResults []bool) bool {
	for i, g := range guardrails {
		if byResults[i] && slices.ContainsFunc(g.Rules, func(r guardrail.Rule) bool { return !readsValues(r) }) {
			return false
		}
	}
	return true
}

// isQuiet reports whether no guardrail that judges paths by their results has a rule that finds anything
// in the values of a path. Then none objects, whatever was there before. Many results have the same values.
func (x *Evaluator) isQuiet(ctx context.Context, p path) (bool, error) {
	if !x.ofValues || p.pair.After == nil {
		return false, nil
	}
	values := x.values.ofAll(p.pair.After)
	quiet, known := x.quiet[values]
	if known {
		return quiet, nil
	}
	for i, g := range x.Guardrails {
		if !x.byResults[i] {
			continue
		}
		for _, rule := range g.Rules {
			if x.Edit == nil && rule.Uses()&guardrail.AdmissionOnly != 0 {
				continue
			}
			a, err := x.ask(ctx, rule, p, false)
			if ctx.Err() != nil {
				return false, &Unfinished{Guardrail: g.Name, Err: ctx.Err()}
			}
			// A rule that fails here, because it takes too long, may not be asked at all where it counts.
			if quiet = err == nil && len(a.findings) == 0; !quiet {
				x.quiet[values] = false
				return false, nil
			}
		}
	}
	x.quiet[values] = true
	return true, nil
}

// maxHeard is how many different pairs of results are remembered.
const maxHeard = maxAnswers

// hear lists the guardrails that judge paths by their results and object to those of a path.
func (x *Evaluator) hear(ctx context.Context, p path) ([]*guardrail.Guardrail, error) {
	if quiet, err := x.isQuiet(ctx, p); quiet || err != nil {
		return nil, err
	}
	of := facts{p.pair, p.before, x.audit, x.gate}
	heard, known := x.heard[of]
	if known {
		return heard, nil
	}
	for i, g := range x.Guardrails {
		if !x.alike(i) {
			continue
		}
		x.listening, x.spoken = true, false
		err := x.judge(ctx, g, p)
		x.listening = false
		if err != nil {
			return nil, &Unfinished{Guardrail: g.Name, Err: err}
		}
		if x.spoken {
			heard = append(heard, g)
		}
	}
	if len(x.heard) >= maxHeard {
		clear(x.heard)
	}
	x.heard[of] = heard
	return heard, nil
}
