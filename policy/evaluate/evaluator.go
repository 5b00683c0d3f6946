package evaluate

import (
	"context"
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Evaluator runs guardrails on targets, one after the other, and caches the answers of rules: paths
// that have the same input for a rule share one answer. It is for one goroutine.
type Evaluator struct {
	Options
	// audit treats each path as new; gate means that the published state is judged, and not an edit.
	audit, gate bool
	// was and now are the target before and after.
	was, now side

	// sameGraph means that the edit only changes policies.
	sameGraph bool
	// counting counts the paths on which guardrails that distinguish paths would be evaluated,
	// without evaluating them.
	counting bool
	counted  map[*guardrail.Guardrail]int
	// passedOver are guardrails that are skipped.
	passedOver map[*guardrail.Guardrail]bool

	// byResults says which guardrails judge paths by their results alone, and heard which of them object
	// to some. While they are listened to, spoken says that one objects, and nothing is kept.
	byResults []bool
	heard     map[facts][]*guardrail.Guardrail
	// ofValues means that their rules read nothing but values, or of the edit besides; then quiet says
	// whether none of them finds anything in some values, by the number of these.
	ofValues          bool
	quiet             map[int]bool
	listening, spoken bool

	// inputs are the documents of the current target, which are shared by rules that read the same
	// variables.
	inputs  map[document]guardrail.Input
	answers map[question]answer
	// values are numbers of results by what they hold, with the answers of rules that read nothing
	// else; ofEdit are the answers of those that read of the edit besides.
	values  *Memory
	ofEdit  map[valuesQuestion]answer
	found   map[violationKey]*Violation
	covered map[string]*Covered
}

// Options are the inputs of an Evaluator.
type Options struct {
	Guardrails []*guardrail.Guardrail
	// Before and After are the snapshots before and after an edit; they are the same without an
	// edit.
	Before, After *policy.Snapshot
	// Edit is the part of the input that comes from an edit, nil when there is none.
	Edit guardrail.Input
	// Deletes means that the edit only removes objects.
	Deletes bool
	// MayRead says what the author of the edit may be told about.
	MayRead policy.Reader
	// Enforced tells how data planes enforce policies; nil when that is not known.
	Enforced Enforced
	// Memory is what rules said before; nil is nothing.
	Memory *Memory
	// Resolved means that the targets after the edit are those of After, with the same versions of
	// routes, which need not be looked up.
	Resolved bool
}

// New returns an Evaluator with an empty cache.
func New(o Options) *Evaluator {
	if o.Memory == nil {
		o.Memory = NewMemory()
	}
	alike := byResults(o.Guardrails)
	return &Evaluator{
		Options: o, sameGraph: o.Before.Graph() == o.After.Graph(),
		passedOver: map[*guardrail.Guardrail]bool{}, counted: map[*guardrail.Guardrail]int{},
		inputs: map[document]guardrail.Input{}, answers: map[question]answer{}, values: o.Memory, ofEdit: map[valuesQuestion]answer{},
		byResults: alike, ofValues: onlyValues(o.Guardrails, alike), heard: map[facts][]*guardrail.Guardrail{}, quiet: map[int]bool{},
		covered: map[string]*Covered{}, found: map[violationKey]*Violation{},
	}
}

// Of returns an Evaluator of one snapshot, without an edit.
func Of(s *policy.Snapshot, guardrails []*guardrail.Guardrail, enforced Enforced) *Evaluator {
	return New(Options{Guardrails: guardrails, Before: s, After: s, Enforced: enforced})
}

type violationKey struct {
	guardrail                string
	enforcement              guardrail.Enforcement
	code, message, fieldPath string
	from                     hierarchy.Ref // who set the offending value
	hidden, stood            bool
}

// Target evaluates every path of one route after the edit. Gateways' own paths carry no traffic and
// are not evaluated.
func (x *Evaluator) Target(ctx context.Context, before, after *effective.Target) error {
	if after == nil || len(x.Guardrails) == 0 || x.counting && !slices.ContainsFunc(x.Guardrails, (*guardrail.Guardrail).TellsApart) {
		return nil
	}
	route := x.routeOf(after)
	if route == nil {
		return nil
	}
	x.was, x.now = side{graph: x.Before.Graph(), target: before}, side{graph: x.After.Graph(), target: after}
	clear(x.inputs)
	old := route
	if !x.sameGraph {
		was, _ := x.Before.Graph().Get(after.Target)
		old, _ = was.(*hierarchy.Route)
	}
	every := path{target: after.Target, route: route, old: old}
	var objecting map[*guardrail.Guardrail]bool
	if !x.counting {
		var err error
		if objecting, err = x.objecting(ctx, every, before, after); err != nil || x.silent(objecting) {
			return err
		}
	}
	paths := effective.Align(before, after)
	rows := rowsOf(paths.Bands())
	for i, g := range x.Guardrails {
		if x.alike(i) && !objecting[g] || g.Broken != "" || x.passedOver[g] || x.counting && !g.TellsApart() || !g.Match.SelectsRoute(x.After, route) {
			continue
		}
		p := every
		p.before = old != nil && g.Match.SelectsRoute(x.Before, old)
		if err := x.guardrail(ctx, g, p, paths.Rules, rows); err != nil {
			return &Unfinished{Guardrail: g.Name, Err: err}
		}
	}
	return nil
}

// routeOf is the route of a target after the edit; nil for a Gateway.
func (x *Evaluator) routeOf(after *effective.Target) *hierarchy.Route {
	if x.Resolved {
		return after.Route()
	}
	object, _ := x.After.Graph().Get(after.Target)
	route, _ := object.(*hierarchy.Route)
	return route
}

// guardrail evaluates the paths of a route by one guardrail. Paths that none of its rules can
// distinguish are judged as one.
func (x *Evaluator) guardrail(ctx context.Context, g *guardrail.Guardrail, route path, rules []hierarchy.RuleRef, rows []row) error {
	uses := g.Uses()
	for i := range rows {
		band := &rows[i]
		first := band.Listeners[0]
		if !g.Match.SelectsListener(x.After, first) {
			continue
		}
		selectedBefore := route.before && g.Match.SelectsListener(x.Before, first)
		together := len(band.Listeners)
		if uses&(guardrail.Listener|guardrail.Outcomes) != 0 {
			together = 1
		}
		columns := band.columns(uses&(guardrail.RouteRule|guardrail.Outcomes) != 0)
		for some := range slices.Chunk(band.Listeners, together) {
			for _, c := range columns {
				p := route
				p.pair, p.listener, p.rule, p.count = c.pair, some[0], rules[c.rule], len(some)*c.count
				p.before = c.pair.Before != nil && selectedBefore
				if err := x.judge(ctx, g, p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// path is one path that is judged.
type path struct {
	target   hierarchy.Ref
	route    *hierarchy.Route
	old      *hierarchy.Route
	pair     effective.Pair
	listener *hierarchy.Listener
	rule     hierarchy.RuleRef
	// before reports whether the path existed before and the guardrail selected it.
	before bool
	// count is the number of paths that it represents.
	count int
}

// concerns reports whether one of the policy kinds that a guardrail names changes on a path.
func concerns(g *guardrail.Guardrail, pair effective.Pair) bool {
	if len(g.Match.PolicyKinds) == 0 {
		return true
	}
	return slices.ContainsFunc(g.Match.PolicyKinds, func(kind string) bool {
		b, had := pair.Before.Kind(kind)
		a, has := pair.After.Kind(kind)
		return had != has || (had && !b.Same(a))
	})
}

// judge asks every rule of a guardrail about one path and keeps what is new or worse, where the
// guardrail is about what changes on the path.
func (x *Evaluator) judge(ctx context.Context, g *guardrail.Guardrail, p path) error {
	if p.pair.After == nil || p.before && !x.audit && !x.ends(g, p) && !concerns(g, p.pair) {
		return nil
	}
	for _, rule := range g.Rules {
		if x.Edit == nil && rule.Uses()&guardrail.AdmissionOnly != 0 {
			continue
		}
		if x.sameGraph && p.before && !x.audit && !x.ends(g, p) && p.pair.Same() && rule.Uses()&(guardrail.AdmissionOnly|guardrail.Outcomes) == 0 {
			continue // it would be reported twice
		}
		if x.counting {
			x.counted[g]++
			continue
		}
		now, err := x.ask(ctx, rule, p, false)
		if err != nil {
			return err
		}
		if len(now.findings) == 0 {
			continue
		}
		var was answer
		if p.before && !x.audit {
			if was, err = x.ask(ctx, rule, p, true); err != nil {
				return err
			}
		}
		for _, f := range now.findings {
			if !p.before || x.audit || x.ended(g, p, f) != nil || x.isNew(g, p, f, now.findings, was.findings) {
				if x.spoken = true; x.listening {
					return nil
				}
				x.keep(g, p, f, answer{was.findings, now.failed})
			}
		}
	}
	return nil
}

// ends reports whether the end of an exception can withdraw what is published on a path.
func (x *Evaluator) ends(g *guardrail.Guardrail, p path) bool {
	return x.gate && guardrail.AnyEnded([]*guardrail.Guardrail{g}, p.target)
}

// ended returns the exception that permitted an objection until it ended.
func (x *Evaluator) ended(g *guardrail.Guardrail, p path, f guardrail.Finding) *guardrail.Exception {
	if !x.ends(g, p) {
		return nil
	}
	return g.Ended(guardrail.Objected{Route: p.target, Finding: f, Effective: p.pair.After, Origin: originAt(p.pair.After, f.FieldPath)})
}

// keep adds a violation.
func (x *Evaluator) keep(g *guardrail.Guardrail, p path, f guardrail.Finding, a answer) {
	origin := originAt(p.pair.After, f.FieldPath)
	if e := g.Excepted(guardrail.Objected{Route: p.target, Finding: f, Effective: p.pair.After, Origin: origin}); e != nil && !a.failed {
		x.cover(g, e, p, f)
		return
	}
	failed := a.failed
	stood := slices.ContainsFunc(a.findings, func(o guardrail.Finding) bool { return o.Code == f.Code && o.FieldPath == f.FieldPath })
	enforcement := g.Enforcement
	if f.WarnOnly && enforcement == guardrail.Deny {
		enforcement = guardrail.Warn
	}
	key := violationKey{guardrail: g.Name, enforcement: enforcement, code: f.Code, message: f.Message, fieldPath: f.FieldPath, stood: stood}
	if origin != nil {
		key.from = origin.From
	}
	hidden := !x.MayRead.May(p.target.Namespace)
	if hidden {
		// Even a message can reveal too much: rules put values into it.
		key = violationKey{guardrail: g.Name, enforcement: enforcement, fieldPath: f.FieldPath, hidden: true}
	}
	v := x.found[key]
	switch {
	case v == nil && hidden:
		v = &Violation{Guardrail: g.Name, Enforcement: enforcement, FieldPath: f.FieldPath, Hidden: true, Failed: failed, Targets: 1, last: p.target}
		x.found[key] = v
	case v == nil:
		v = &Violation{
			Guardrail: g.Name, Enforcement: enforcement, Message: f.Message, FieldPath: f.FieldPath, Code: f.Code,
			Target: p.target, Listener: p.listener, Rule: p.rule, Origin: origin, Failed: failed, Stood: stood,
			Targets: 1, Ended: x.ended(g, p, f),
		}
		v.last = p.target
		x.found[key] = v
	}
	if v.last != p.target {
		v.last = p.target
		v.Targets++
	}
	v.Paths += p.count
}

// Violations returns the violations found so far, in a fixed order.
func (x *Evaluator) Violations() []Violation {
	var list []Violation
	for _, v := range slices.SortedFunc(maps.Values(x.found), func(a, b *Violation) int { return Compare(*a, *b) }) {
		list = append(list, *v)
	}
	return list
}
