package review

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// judge runs guardrails on targets, one after the other, and remembers what
// rules said: paths that agree in all that a rule reads share one answer.
type judge struct {
	rails []*guardrail.Guardrail
	// The worlds before and after.
	before, after *policy.Snapshot
	// edit is the part of the input that comes from an edit, nil when there is
	// none.
	edit guardrail.Input
	// mayRead says what the author of the edit may be told of.
	mayRead policy.Reader
	audit   bool
	// enforced knows data planes; was and now are the sides of the target that is judged.
	enforced Enforced
	was, now side
	// gate says that what is published is judged, and not an edit.
	gate bool

	// deletes says that the edit only takes away.
	deletes bool
	// sameGraph says that the edit changes policies alone.
	sameGraph bool
	// counting counts the paths that guardrails which tell paths apart would be
	// asked about, and asks nothing.
	counting bool
	counted  map[*guardrail.Guardrail]int
	// passedOver are guardrails that are not asked.
	passedOver map[*guardrail.Guardrail]bool

	answers map[question]answer
	found   map[violationKey]*Violation
	covered map[string]*Covered
}

// question is everything that a rule's answer can depend on. What the rule does
// not read is left zero.
type question struct {
	rule           guardrail.Rule
	result, before *effective.PathPolicies
	route          *hierarchy.Route
	ruleName       hierarchy.RuleRef
	listener       *hierarchy.Listener
	gateway, class hierarchy.Ref
	namespace      string
	// outcomes is set for a rule that asks about data planes: what they make of a path depends on
	// the whole of its target.
	outcomes *effective.Target
	asBefore bool
}

// maxAnswers is how many answers are remembered. Those that paths share come soon after each other.
const maxAnswers = 1 << 15

type answer struct {
	findings []guardrail.Finding
	failed   bool
}

type violationKey struct {
	guardrail                string
	enforcement              guardrail.Enforcement
	code, message, fieldPath string
	from                     hierarchy.Ref // who set the value at fault
	hidden, stood            bool
}

func newJudge(rails []*guardrail.Guardrail, before, after *policy.Snapshot, edit guardrail.Input, enforced Enforced) *judge {
	return &judge{
		rails: rails, before: before, after: after, edit: edit, enforced: enforced,
		sameGraph: before.Graph() == after.Graph(), passedOver: map[*guardrail.Guardrail]bool{}, counted: map[*guardrail.Guardrail]int{},
		answers: map[question]answer{}, covered: map[string]*Covered{}, found: map[violationKey]*Violation{},
	}
}

// target judges every path of one route. Gateways' own paths carry nobody's
// traffic and are not judged.
func (j *judge) target(ctx context.Context, before, after *effective.Target) error {
	if after == nil || len(j.rails) == 0 {
		return nil
	}
	object, _ := j.after.Graph().Get(after.Target)
	route, isRoute := object.(*hierarchy.Route)
	if !isRoute {
		return nil
	}
	j.was, j.now = side{graph: j.before.Graph(), target: before}, side{graph: j.after.Graph(), target: after}
	was, _ := j.before.Graph().Get(after.Target)
	old, _ := was.(*hierarchy.Route)
	paths := effective.Align(before, after)
	for _, rail := range j.rails {
		if rail.Broken != "" || j.passedOver[rail] || j.counting && !rail.TellsApart() || !rail.Match.SelectsRoute(j.after, route) {
			continue
		}
		p := path{target: after.Target, route: route, old: old}
		p.before = old != nil && rail.Match.SelectsRoute(j.before, old)
		if err := j.rail(ctx, rail, p, paths); err != nil {
			return &Unfinished{Guardrail: rail.Name, err: err}
		}
	}
	return nil
}

// rail judges the paths of a route by one guardrail. Paths that no rule of it can
// tell apart are judged as one.
func (j *judge) rail(ctx context.Context, rail *guardrail.Guardrail, route path, paths effective.Alignment) error {
	uses := rail.Uses()
	for _, band := range paths.Bands() {
		first := band.Listeners[0]
		if !rail.Match.SelectsListener(j.after, first) {
			continue
		}
		selectedBefore := route.before && rail.Match.SelectsListener(j.before, first)
		listeners := [][]*hierarchy.Listener{band.Listeners}
		if uses&(guardrail.Listener|guardrail.Outcomes) != 0 {
			listeners = slices.Collect(slices.Chunk(band.Listeners, 1))
		}
		columns := distinct(band.Row, uses&(guardrail.RouteRule|guardrail.Outcomes) != 0)
		for _, some := range listeners {
			for _, c := range columns {
				p := route
				p.pair, p.listener, p.rule, p.count = c.pair, some[0], paths.Rules[c.rule], len(some)*c.count
				p.before = c.pair.Before != nil && selectedBefore
				if p.pair.After == nil || p.before && !j.audit && !j.ends(rail, p) && !concerns(rail, p.pair) {
					continue
				}
				if err := j.path(ctx, rail, p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// column is a rule of a route, and how many rules it stands for.
type column struct {
	pair        effective.Pair
	rule, count int
}

// distinct lists the rules of a row that differ; all of them where each counts.
func distinct(row []effective.Pair, each bool) []column {
	columns := make([]column, 0, len(row))
	at := map[effective.Pair]int{}
	for i, pair := range row {
		if n, known := at[pair]; known && !each {
			columns[n].count++
			continue
		}
		at[pair] = len(columns)
		columns = append(columns, column{pair, i, 1})
	}
	return columns
}

// path is one path under judgement.
type path struct {
	target   hierarchy.Ref
	route    *hierarchy.Route
	old      *hierarchy.Route
	pair     effective.Pair
	listener *hierarchy.Listener
	rule     hierarchy.RuleRef
	// before says whether the path existed before and the guardrail selected it.
	before bool
	// count is how many paths it stands for.
	count int
}

// concerns says whether one of the policy kinds that a guardrail names changes
// on a path.
func concerns(rail *guardrail.Guardrail, pair effective.Pair) bool {
	if len(rail.Match.PolicyKinds) == 0 {
		return true
	}
	return slices.ContainsFunc(rail.Match.PolicyKinds, func(kind string) bool {
		b, had := pair.Before.Kind(kind)
		a, has := pair.After.Kind(kind)
		return had != has || (had && !b.Same(a))
	})
}

// path asks every rule of a guardrail about one path and keeps what is new or
// worse.
func (j *judge) path(ctx context.Context, rail *guardrail.Guardrail, p path) error {
	for _, rule := range rail.Rules {
		if j.edit == nil && rule.Uses()&guardrail.AdmissionOnly != 0 {
			continue
		}
		if j.sameGraph && p.before && !j.audit && !j.ends(rail, p) && p.pair.Same() && rule.Uses()&(guardrail.AdmissionOnly|guardrail.Outcomes) == 0 {
			continue // it would say the same twice
		}
		if j.counting {
			j.counted[rail]++
			continue
		}
		now, err := j.ask(ctx, rule, p, false)
		if err != nil {
			return err
		}
		if len(now.findings) == 0 {
			continue
		}
		var was answer
		if p.before && !j.audit {
			if was, err = j.ask(ctx, rule, p, true); err != nil {
				return err
			}
		}
		for _, f := range now.findings {
			if !p.before || j.audit || j.ended(rail, p, f) != nil || j.isNew(rail, p, f, now.findings, was.findings) {
				j.keep(rail, p, f, answer{was.findings, now.failed})
			}
		}
	}
	return nil
}

// ends says whether the end of an exception can take back what is published on a path.
func (j *judge) ends(rail *guardrail.Guardrail, p path) bool {
	return j.gate && guardrail.AnyEnded([]*guardrail.Guardrail{rail}, p.target)
}

// ended is the exception that let an objection pass until it ended.
func (j *judge) ended(rail *guardrail.Guardrail, p path, f guardrail.Finding) *guardrail.Exception {
	if !j.ends(rail, p) {
		return nil
	}
	return rail.Ended(guardrail.Objected{Route: p.target, Finding: f, Effective: p.pair.After, Origin: originAt(p.pair.After, f.FieldPath)})
}

// ask runs a rule on a path as it is after the edit, or as it was before it.
// A rule that cannot be evaluated objects by that very fact, under its
// guardrail's own enforcement; only the end of the context, and a rule that the
// clock ended, are errors.
func (j *judge) ask(ctx context.Context, rule guardrail.Rule, p path, asBefore bool) (answer, error) {
	q := j.question(rule, p, asBefore)
	if a, known := j.answers[q]; known {
		return a, nil
	}
	findings, err := rule.Check(ctx, j.input(rule.Uses(), p, asBefore))
	if ctxErr := ctx.Err(); ctxErr != nil {
		return answer{}, ctxErr
	}
	a := answer{findings: findings}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.As(err, &guardrail.TooSlow{}) {
			return answer{}, err
		}
		a = answer{findings: []guardrail.Finding{{Code: "error", Message: "the guardrail could not be evaluated: " + err.Error()}}, failed: true}
	}
	if len(j.answers) >= maxAnswers {
		clear(j.answers)
	}
	j.answers[q] = a
	return a, nil
}

func (j *judge) question(rule guardrail.Rule, p path, asBefore bool) question {
	uses := rule.Uses()
	q := question{rule: rule, asBefore: asBefore}
	if uses&(guardrail.Effective|guardrail.Origins) != 0 {
		q.result = p.pair.After
		if asBefore {
			q.result = p.pair.Before
		}
	}
	if uses&guardrail.Before != 0 {
		q.before = p.pair.Before
	}
	if uses&guardrail.Route != 0 {
		q.route = p.route
		if asBefore {
			q.route = p.old
		}
	}
	if uses&guardrail.RouteRule != 0 {
		q.route, q.ruleName = p.route, p.rule
	}
	if uses&guardrail.Listener != 0 {
		q.listener = p.listener
	}
	if uses&guardrail.Gateway != 0 {
		q.gateway = p.listener.Gateway
	}
	if uses&guardrail.GatewayClass != 0 {
		q.class = p.listener.Class
	}
	if uses&guardrail.Outcomes != 0 {
		q.route, q.ruleName, q.listener, q.outcomes = p.route, p.rule, p.listener, j.now.target
		if asBefore {
			q.outcomes = j.was.target
		}
	}
	if uses&guardrail.Namespace != 0 {
		q.namespace = p.target.Namespace
	}
	return q
}

// keep counts a violation in.
func (j *judge) keep(rail *guardrail.Guardrail, p path, f guardrail.Finding, a answer) {
	origin := originAt(p.pair.After, f.FieldPath)
	if e := rail.Excepted(guardrail.Objected{Route: p.target, Finding: f, Effective: p.pair.After, Origin: origin}); e != nil && !a.failed {
		j.cover(rail, e, p, f)
		return
	}
	failed := a.failed
	stood := slices.ContainsFunc(a.findings, func(o guardrail.Finding) bool { return o.Code == f.Code && o.FieldPath == f.FieldPath })
	enforcement := rail.Enforcement
	if f.WarnOnly && enforcement == guardrail.Deny {
		enforcement = guardrail.Warn
	}
	key := violationKey{guardrail: rail.Name, enforcement: enforcement, code: f.Code, message: f.Message, fieldPath: f.FieldPath, stood: stood}
	if origin != nil {
		key.from = origin.From
	}
	hidden := !j.mayRead.May(p.target.Namespace)
	if hidden {
		// Even a message can tell too much: rules put values into it.
		key = violationKey{guardrail: rail.Name, enforcement: enforcement, fieldPath: f.FieldPath, hidden: true}
	}
	v := j.found[key]
	switch {
	case v == nil && hidden:
		v = &Violation{Guardrail: rail.Name, Enforcement: enforcement, FieldPath: f.FieldPath, Hidden: true, Failed: failed, Targets: 1, last: p.target}
		j.found[key] = v
	case v == nil:
		v = &Violation{
			Guardrail: rail.Name, Enforcement: enforcement, Message: f.Message, FieldPath: f.FieldPath, Code: f.Code,
			Target: p.target, Listener: p.listener, Rule: p.rule, Origin: origin, Failed: failed, Stood: stood,
			Targets: 1, Ended: j.ended(rail, p, f),
		}
		v.last = p.target
		j.found[key] = v
	}
	if v.last != p.target {
		v.last = p.target
		v.Targets++
	}
	v.Paths += p.count
}

func (j *judge) violations() []Violation {
	var list []Violation
	for _, v := range slices.SortedFunc(maps.Values(j.found), func(a, b *Violation) int { return Compare(*a, *b) }) {
		list = append(list, *v)
	}
	return list
}
