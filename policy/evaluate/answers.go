package evaluate

import (
	"context"
	"errors"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// question is everything that a rule's answer can depend on. Fields that the rule does not read are
// zero.
type question struct {
	rule           guardrail.Rule
	result, before *effective.PathPolicies
	// values identifies the values, for a rule that reads nothing else of a result: results of
	// different policies with equal values share an answer.
	values         int
	route          *hierarchy.Route
	ruleName       hierarchy.RuleRef
	listener       *hierarchy.Listener
	gateway, class hierarchy.Ref
	namespace      string
	// outcomes is set for a rule that reads outcomes of data planes, which depend on the whole
	// target.
	outcomes *effective.Target
	asBefore bool
}

// maxAnswers is the maximum number of cached answers. Paths that share an answer are usually close
// to each other.
const maxAnswers = 1 << 15

type answer struct {
	findings []guardrail.Finding
	failed   bool
}

// ask runs a rule on a path after the edit, or before it. A rule that cannot be evaluated counts as
// an objection, under its guardrail's own enforcement; only the end of the context, and a rule that
// timed out, are errors.
func (x *Evaluator) ask(ctx context.Context, rule guardrail.Rule, p path, asBefore bool) (answer, error) {
	if readsValues(rule) {
		return x.askOfValues(ctx, rule, p, asBefore)
	}
	q := x.question(rule, p, asBefore)
	if a, known := x.answers[q]; known {
		return a, nil
	}
	a, err := x.check(ctx, rule, p, asBefore)
	if err != nil {
		return answer{}, err
	}
	if len(x.answers) >= maxAnswers {
		clear(x.answers)
	}
	x.answers[q] = a
	return a, nil
}

// readsValues says whether a rule reads nothing but values, or of the edit besides.
func readsValues(rule guardrail.Rule) bool {
	return rule.Uses()&^guardrail.AdmissionOnly == guardrail.Effective
}

// askOfValues is ask for a rule that reads nothing but values, as most do, or of the edit besides. What
// it is asked is a small question.
func (x *Evaluator) askOfValues(ctx context.Context, rule guardrail.Rule, p path, asBefore bool) (answer, error) {
	result := p.pair.After
	if asBefore {
		result = p.pair.Before
	}
	q, answers := valuesQuestion{rule: rule, values: x.values.of(rule, result)}, x.values.answers
	if rule.Uses()&guardrail.AdmissionOnly != 0 {
		q.asBefore, answers = asBefore, x.ofEdit
	}
	if a, known := answers[q]; known {
		return a, nil
	}
	a, err := x.check(ctx, rule, p, asBefore)
	if err != nil {
		return answer{}, err
	}
	if len(answers) >= maxAnswers {
		clear(answers)
	}
	answers[q] = a
	return a, nil
}

// check runs a rule.
func (x *Evaluator) check(ctx context.Context, rule guardrail.Rule, p path, asBefore bool) (answer, error) {
	findings, err := rule.Check(ctx, x.shared(rule.Uses(), p, asBefore))
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
	return a, nil
}

// document is what an input is computed from, on one target.
type document struct {
	uses     guardrail.Variables
	pair     effective.Pair
	listener *hierarchy.Listener
	rule     hierarchy.RuleRef
	asBefore bool
}

// maxInputs is the maximum number of cached documents: as many as guardrails share on a target of
// usual size.
const maxInputs = 256

// shared returns the input for a path, the same one for all rules that read the same variables.
// Rules only read it.
func (x *Evaluator) shared(uses guardrail.Variables, p path, asBefore bool) guardrail.Input {
	of := document{uses: uses, pair: p.pair, asBefore: asBefore}
	if uses&(guardrail.Listener|guardrail.Gateway|guardrail.GatewayClass|guardrail.Outcomes) != 0 {
		of.listener = p.listener
	}
	if uses&(guardrail.RouteRule|guardrail.Outcomes) != 0 {
		of.rule = p.rule
	}
	in, known := x.inputs[of]
	if !known {
		if len(x.inputs) >= maxInputs {
			clear(x.inputs)
		}
		in = x.input(uses, p, asBefore)
		x.inputs[of] = in
	}
	return in
}

func (x *Evaluator) question(rule guardrail.Rule, p path, asBefore bool) question {
	uses := rule.Uses()
	q := question{rule: rule, asBefore: asBefore}
	result := p.pair.After
	if asBefore {
		result = p.pair.Before
	}
	switch {
	case uses&guardrail.Origins != 0:
		q.result = result
	case uses&guardrail.Effective != 0:
		q.values = x.values.of(rule, result)
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
		q.route, q.ruleName, q.listener, q.outcomes = p.route, p.rule, p.listener, x.now.target
		if asBefore {
			q.outcomes = x.was.target
		}
	}
	if uses&guardrail.Namespace != 0 {
		q.namespace = p.target.Namespace
	}
	return q
}
