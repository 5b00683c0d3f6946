package regorule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Limits of a module on one path.
const (
	// MaxSteps is the maximum number of expressions that it may evaluate.
	MaxSteps = 30_000
	// MaxWork is the weight of all arguments of all calls, as guardrail.MaxWeight
	// counts it, plus a fourth of what guardrail.MaxMatching counts.
	MaxWork = 1 << 20
	// stepProbes is the number of keys of hash tables that are compared in the time of one step.
	stepProbes = 64
)

// rule is one compiled module.
type rule struct {
	tables        *tables
	compiler      *ast.Compiler
	queryCompiler ast.QueryCompiler
	query         ast.Body
	uses          guardrail.Variables
	// kinds are the policy kinds of effective that it reads; whole means that it may read any.
	kinds []string
	whole bool
}

// Kinds implements guardrail.KindReader.
func (r *rule) Kinds() (names []string, only bool) { return r.kinds, !r.whole }

// Uses returns the variables that the module reads.
func (r *rule) Uses() guardrail.Variables { return r.uses }

// Check evaluates the module; the elements of its sets are findings.
func (r *rule) Check(ctx context.Context, in guardrail.Input) (findings []guardrail.Finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			findings, err = nil, fmt.Errorf("the module cannot be evaluated: %v", p)
		}
	}()
	input, err := r.input(in)
	if err != nil {
		return nil, err
	}
	limit := &limit{ctx: ctx, last: time.Now(), keys: newKeys()}
	var result topdown.QueryResult
	err = topdown.NewQuery(r.query).
		WithQueryCompiler(r.queryCompiler).
		WithCompiler(r.compiler).
		WithBuiltins(r.tables.builtins).
		WithStore(empty{}).WithTransaction(transaction{}).
		WithInput(input).
		WithCancel(limit).
		WithStrictBuiltinErrors(true).
		WithMetrics(metrics.NoOp()).
		WithSeed(strings.NewReader("")).WithTime(time.Unix(1, 0)). // nothing reads them
		Iter(ctx, func(found topdown.QueryResult) error {
			result = found
			return nil
		})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limit.slow:
		return nil, guardrail.TooSlow{}
	case limit.reason != "":
		return nil, errors.New(limit.reason)
	case err != nil:
		return nil, readable(err)
	}
	return entries(result)
}

// input returns the part of the document that the module reads, as Rego values. A variable that the
// document does not have is undefined.
func (r *rule) input(in guardrail.Input) (*ast.Term, error) {
	var pairs [][2]*ast.Term
	for _, v := range guardrail.Names {
		value, ok := in[v.Name]
		if !ok || value == nil || r.uses&v.Variable == 0 {
			continue
		}
		converted, err := ast.InterfaceToValue(value)
		if err != nil {
			return nil, fmt.Errorf("input.%s cannot be read: %w", v.Name, err)
		}
		pairs = append(pairs, ast.Item(ast.InternedTerm(v.Name), ast.NewTerm(converted)))
	}
	return ast.ObjectTerm(pairs...), nil
}

// limit stops an evaluation. The evaluator calls it before each expression.
type limit struct {
	ctx    context.Context
	steps  int
	worked int
	keys   *keys
	probed int
	last   time.Time
	spent  time.Duration
	reason string
	// slow means that it timed out.
	slow bool
}

// longestStep is the maximum time that one step counts. A step that takes longer has waited for the
// machine.
const longestStep = guardrail.MaxTime / 4

// work counts the weight of the arguments of a call.
func (l *limit) work(weight int) error {
	if l.worked += weight; l.worked > MaxWork && l.reason == "" {
		l.reason = "too expensive on this input: it works through more than 8 MiB"
	}
	if l.reason != "" {
		return errors.New(l.reason)
	}
	return nil
}

// probe counts that a key is put into a table.
func (l *limit) probe(key ast.Value) { l.probed += l.keys.add(key) }

// probing counts the keys of a set or an object that a function builds from others.
func (l *limit) probing(operands []*ast.Term, iter func(*ast.Term) error) func(*ast.Term) error {
	if !slices.ContainsFunc(operands, keyed) {
		return iter
	}
	return func(result *ast.Term) error {
		switch v := result.Value.(type) {
		case ast.Set:
			v.Foreach(func(e *ast.Term) { l.probe(e.Value) })
		case ast.Object:
			v.Foreach(func(k, _ *ast.Term) { l.probe(k.Value) })
		}
		return iter(result)
	}
}

func keyed(t *ast.Term) bool {
	switch t.Value.(type) {
	case ast.Set, ast.Object:
		return true
	}
	return false
}

// Cancel does nothing: nobody else stops an evaluation.
func (l *limit) Cancel() {}

// Cancelled counts a step and reports whether it was the last.
func (l *limit) Cancelled() bool {
	if l.reason != "" {
		return true
	}
	// A step may look up a key that was not counted, and then traverses at most one row.
	l.steps += 1 + l.keys.longest/stepProbes
	now := time.Now()
	l.spent += min(now.Sub(l.last), longestStep)
	l.last = now
	switch {
	case l.steps+l.probed/stepProbes > MaxSteps:
		l.reason = fmt.Sprintf("too expensive on this input: stopped after %d steps", MaxSteps)
	case l.spent > guardrail.MaxTime:
		l.reason, l.slow = guardrail.TooSlow{}.Error(), true
	}
	return l.reason != "" || (l.steps%16 == 0 && l.ctx.Err() != nil)
}

// readable returns an error of an evaluation as people read it.
func readable(err error) error {
	var e *topdown.Error
	if !errors.As(err, &e) {
		return err
	}
	message := strings.ReplaceAll(e.Message, prefix, "")
	if e.Location != nil && e.Location.Row > 0 {
		return fmt.Errorf("line %d: %s", e.Location.Row, message)
	}
	return errors.New(message)
}

// entries reads the two sets.
func entries(result topdown.QueryResult) ([]guardrail.Finding, error) {
	var findings []guardrail.Finding
	for _, name := range sets {
		term, ok := result[ast.Var(name)]
		if !ok {
			continue
		}
		set, ok := term.Value.(ast.Set)
		if !ok {
			return nil, fmt.Errorf("%s is %s, and must be a set", name, ast.ValueName(term.Value))
		}
		for _, entry := range set.Slice() {
			f, err := finding(name, entry)
			if err != nil {
				return nil, err
			}
			findings = append(findings, f)
		}
	}
	return findings, nil
}

// finding reads one entry: a message, or an object {msg, fieldPath?, code?}.
func finding(set string, entry *ast.Term) (guardrail.Finding, error) {
	f := guardrail.Finding{Code: set, WarnOnly: set == "warn"}
	if message, ok := entry.Value.(ast.String); ok {
		f.Message = prose.Clip(string(message), guardrail.MaxMessage)
		return f, nil
	}
	object, ok := entry.Value.(ast.Object)
	if !ok {
		return f, fmt.Errorf("%s holds %s: write a message, or an object {\"msg\": …, \"fieldPath\": …, \"code\": …}", set, article(entry))
	}
	if object.Get(ast.InternedTerm("msg")) == nil {
		return f, fmt.Errorf("%s holds an object without msg: write {\"msg\": …, \"fieldPath\": …, \"code\": …}", set)
	}
	return f, object.Iter(func(k, v *ast.Term) error {
		key, value := text([]*ast.Term{k}, 0), text([]*ast.Term{v}, 0)
		if !slices.Contains([]string{"msg", "fieldPath", "code"}, key) {
			return fmt.Errorf("%s holds an object with %s: only msg, fieldPath and code are known", set, k)
		}
		if _, isText := v.Value.(ast.String); !isText {
			return fmt.Errorf("%s holds an object whose %s is %s, and must be a string", set, key, article(v))
		}
		switch key {
		case "msg":
			f.Message = prose.Clip(value, guardrail.MaxMessage)
		case "fieldPath":
			f.FieldPath = value
		case "code":
			f.Code = set + "/" + value
		}
		return nil
	})
}

func article(t *ast.Term) string {
	name := ast.ValueName(t.Value)
	if strings.ContainsAny(name[:1], "aeiou") {
		return "an " + name
	}
	return "a " + name
}
