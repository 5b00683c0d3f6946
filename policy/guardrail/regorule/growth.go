package regorule

import (
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/attache-dev/attache/policy/guardrail"
)

// grown refuses values that are built from many copies of others. Such a value takes few steps to
// build and unlimited time to process. Sizes are computed on the compiled module, where calls are
// flat, bodies are in the order in which they run, and no rule refers to itself: the parts of the
// input and what a loop runs over count as one.
func grown(module *ast.Module) []guardrail.Problem {
	g := &growth{module: module, known: map[string]int{}}
	for _, r := range module.Rules {
		if size := g.rule(r.Head.Ref()[0]); size > MaxCopies {
			return []guardrail.Problem{at(r.Head.Location, fmt.Sprintf("%s puts a value together from too many copies of others: more than %d", r.Head.Ref()[0].Value, MaxCopies))}
		}
	}
	return nil
}

type growth struct {
	module *ast.Module
	known  map[string]int // by name of the rule
}

// rule is the size of the largest value in the rules of a name. The parameters
// of a function count as one.
func (g *growth) rule(name *ast.Term) int {
	key := name.Value.String()
	if text, ok := name.Value.(ast.String); ok {
		key = string(text)
	}
	if size, ok := g.known[key]; ok {
		return size
	}
	g.known[key] = 1 // rules never refer to themselves; this is for those that are wrong
	size := 1
	for _, r := range g.module.Rules {
		if r.Head.Ref()[0].Value.String() == key {
			size = max(size, g.one(r))
		}
	}
	g.known[key] = size
	return size
}

// one is the size of the largest value in one rule.
func (g *growth) one(r *ast.Rule) int {
	largest := 1
	for ; r != nil; r = r.Else {
		vars := map[ast.Var]int{}
		largest = max(largest, g.body(r.Body, vars))
		for _, t := range []*ast.Term{r.Head.Key, r.Head.Value} {
			if t != nil {
				largest = max(largest, g.term(t, vars))
			}
		}
	}
	return largest
}

// body computes the sizes of the variables of a body and returns the largest.
func (g *growth) body(body ast.Body, vars map[ast.Var]int) int {
	largest := 1
	for _, e := range body {
		switch terms := e.Terms.(type) {
		case *ast.Term:
			largest = max(largest, g.term(terms, vars))
		case []*ast.Term:
			largest = max(largest, g.call(terms, vars))
		case *ast.Every:
			largest = max(largest, g.term(terms.Domain, vars), g.body(terms.Body, vars))
		}
		if largest > MaxCopies {
			break
		}
	}
	return largest
}

// call is the size of what a call makes; its output variable takes that size.
func (g *growth) call(terms []*ast.Term, vars map[ast.Var]int) int {
	sizes := 0
	for _, t := range terms[1:] {
		sizes = saturate(sizes + g.term(t, vars))
	}
	operator, ok := terms[0].Value.(ast.Ref)
	if ok && makesScalar(operator) {
		sizes = 1
	}
	if ok && operator[0].Equal(ast.DefaultRootDocument) {
		sizes = saturate(sizes * g.reference(operator, vars))
	}
	if ok && len(terms) == 3 && operator.Equal(ast.Equality.Ref()) {
		left, right := g.term(terms[1], vars), g.term(terms[2], vars)
		assign(terms[1], right, vars)
		assign(terms[2], left, vars)
		return max(left, right)
	}
	if last := terms[len(terms)-1]; len(terms) > 1 {
		assign(last, sizes, vars)
	}
	return sizes
}

// makesScalar reports whether a function's result is always a number or a truth value.
func makesScalar(operator ast.Ref) bool {
	b := ast.BuiltinMap[strings.TrimPrefix(operator.String(), prefix)]
	if b == nil {
		return false
	}
	switch b.Decl.Result().(type) {
	case types.Number, types.Boolean:
		return true
	}
	return false
}

// assign gives the variables in a term at least a size.
func assign(t *ast.Term, size int, vars map[ast.Var]int) {
	ast.WalkVars(t, func(v ast.Var) bool {
		vars[v] = max(vars[v], size)
		return false
	})
}

// term returns the number of parts of a term.
func (g *growth) term(t *ast.Term, vars map[ast.Var]int) int {
	size := 1
	add := func(e *ast.Term) { size = saturate(size + g.term(e, vars)) }
	switch v := t.Value.(type) {
	case ast.Var:
		return max(1, vars[v])
	case ast.Ref:
		return g.reference(v, vars)
	case *ast.Array:
		v.Foreach(add)
	case ast.Set:
		v.Foreach(add)
	case ast.Object:
		v.Foreach(func(k, e *ast.Term) { add(k); add(e) })
	case *ast.ArrayComprehension:
		g.body(v.Body, vars)
		add(v.Term)
	case *ast.SetComprehension:
		g.body(v.Body, vars)
		add(v.Term)
	case *ast.ObjectComprehension:
		g.body(v.Body, vars)
		add(v.Key)
		add(v.Value)
	}
	return size
}

func (g *growth) reference(ref ast.Ref, vars map[ast.Var]int) int {
	if own := len(g.module.Package.Path); ref[0].Equal(ast.DefaultRootDocument) && len(ref) > own {
		return g.rule(ref[own])
	}
	if v, ok := ref[0].Value.(ast.Var); ok {
		return max(1, vars[v])
	}
	return 1
}

// saturate keeps sizes from overflowing.
func saturate(size int) int { return min(size, 1<<30) }
