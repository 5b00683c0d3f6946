package regorule

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/types"
)

// The evaluator puts keys into tables and compares values without a call that could be guarded. So
// calls that count this are added to a compiled module: [countKey] before a key is put into a set,
// an object, or the table of a function's answers; [countValue] before two values that exist
// already are compared.
const (
	countKey   = prefix + "key"
	countValue = prefix + "value"
)

// counters are the two calls.
func counters() map[string]*topdown.Builtin {
	counter := func(name string, count func(*limit, *ast.Term, int) error) *topdown.Builtin {
		declaration := &ast.Builtin{Name: name, Decl: types.NewFunction(types.Args(types.A), types.B)}
		return &topdown.Builtin{Decl: declaration, Func: func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
			weight, err := weighAll(operands)
			if l, ok := bctx.Cancel.(*limit); ok && err == nil {
				err = count(l, operands[0], weight)
			}
			if err != nil {
				return &topdown.Error{Code: topdown.BuiltinErr, Message: err.Error(), Location: bctx.Location}
			}
			return iter(ast.InternedTerm(true))
		}}
	}
	return map[string]*topdown.Builtin{
		countKey: counter(countKey, func(l *limit, key *ast.Term, weight int) error {
			l.probe(key.Value)
			return l.work(weight)
		}),
		countValue: counter(countValue, func(l *limit, _ *ast.Term, weight int) error { return l.work(weight) }),
	}
}

// account adds the counting calls to a compiled module.
func account(module *ast.Module) {
	a := &accountant{}
	for _, r := range module.Rules {
		partial := r.Head.RuleKind() == ast.MultiValue || len(r.Head.Ref()) > 1
		for ; r != nil; r = r.Else {
			bound := ast.NewVarSet()
			for _, arg := range r.Head.Args {
				bound.Update(arg.Vars())
			}
			r.Body = a.body(r.Body, bound)
			if partial {
				a.head(r)
			}
		}
	}
}

type accountant struct{ locals int }

// head counts what a rule puts into its set or object.
func (a *accountant) head(r *ast.Rule) {
	for _, t := range r.Head.Ref()[1:] {
		if _, constant := t.Value.(ast.String); !constant {
			r.Body.Append(call(countKey, t))
		}
	}
	if r.Head.Key != nil {
		r.Body.Append(call(countKey, r.Head.Key))
	}
	if r.Head.Value != nil {
		r.Body.Append(call(countValue, r.Head.Value))
	}
}

// body returns a body with the calls in it. The variables that are bound already
// are given; those that the body binds are added.
func (a *accountant) body(body ast.Body, bound ast.VarSet) ast.Body {
	var out ast.Body
	for _, e := range body {
		switch terms := e.Terms.(type) {
		case *ast.Term:
			a.closures(terms, bound)
		case *ast.Every:
			a.closures(terms.Domain, bound)
			inner := bound.Copy()
			for _, v := range []*ast.Term{terms.Key, terms.Value} {
				if v != nil {
					inner.Update(v.Vars())
				}
			}
			terms.Body = a.body(terms.Body, inner)
		case []*ast.Term:
			for _, counted := range a.before(terms, bound) {
				out.Append(counted)
			}
			for i, t := range terms {
				a.closures(t, bound)
				if ast.IsComprehension(t.Value) {
					// OPA caches the answers of a comprehension by its term. This table would not be
					// counted otherwise.
					terms[i] = &ast.Term{Value: t.Value, Location: t.Location}
				}
			}
		}
		if !e.Negated {
			ast.WalkVars(e, func(v ast.Var) bool { bound.Add(v); return false })
		}
		out.Append(e)
	}
	return out
}

// before returns the calls that count what an expression is about to do.
func (a *accountant) before(terms []*ast.Term, bound ast.VarSet) []*ast.Expr {
	operator, ok := terms[0].Value.(ast.Ref)
	switch {
	case !ok:
	case operator[0].Equal(ast.DefaultRootDocument):
		var counted []*ast.Expr
		for _, t := range terms[1:] {
			if known(t, bound) {
				counted = append(counted, call(countKey, t))
			}
		}
		return counted
	case operator.Equal(ast.Equality.Ref()) && len(terms) == 3 && known(terms[1], bound) && known(terms[2], bound):
		t := terms[1]
		if _, isVar := t.Value.(ast.Var); isVar {
			return []*ast.Expr{call(countValue, t)}
		}
		if _, isVar := terms[2].Value.(ast.Var); isVar {
			return []*ast.Expr{call(countValue, terms[2])}
		}
		if _, isRef := t.Value.(ast.Ref); isRef {
			a.locals++
			local := ast.VarTerm(fmt.Sprintf("__counted%d__", a.locals))
			return []*ast.Expr{ast.Equality.Expr(local, t), call(countValue, local)}
		}
	}
	return nil
}

// known reports whether a term is a value that exists and may be large.
func known(t *ast.Term, bound ast.VarSet) bool {
	switch v := t.Value.(type) {
	case ast.Var:
		return bound.Contains(v)
	case ast.Ref, *ast.Array, ast.Set, ast.Object:
		unbound := false
		ast.WalkVars(t, func(v ast.Var) bool {
			unbound = unbound || (!bound.Contains(v) && !ast.ReservedVars.Contains(v))
			return unbound
		})
		return !unbound
	}
	return false
}

// closures puts the calls into the comprehensions in a term.
func (a *accountant) closures(t *ast.Term, bound ast.VarSet) {
	ast.WalkTerms(t, func(t *ast.Term) bool {
		switch v := t.Value.(type) {
		case *ast.ArrayComprehension:
			v.Body = a.body(v.Body, bound.Copy())
		case *ast.SetComprehension:
			v.Body = a.body(v.Body, bound.Copy())
			v.Body.Append(call(countKey, v.Term))
		case *ast.ObjectComprehension:
			v.Body = a.body(v.Body, bound.Copy())
			v.Body.Append(call(countKey, v.Key))
			v.Body.Append(call(countValue, v.Value))
		default:
			return false
		}
		return true
	})
}

func call(name string, operand *ast.Term) *ast.Expr {
	return &ast.Expr{Terms: []*ast.Term{ast.NewTerm(ast.Ref{ast.VarTerm(prefix[:len(prefix)-1]), ast.StringTerm(name[len(prefix):])}), operand}, Generated: true, Location: operand.Location}
}
