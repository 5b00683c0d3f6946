package celrule

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
)

// effectiveVariable is the variable with the values by policy kind.
const effectiveVariable = "effective"

// reads records what an expression of the rule reads.
func (r *rule) reads(a *ast.AST) {
	if a == nil {
		return
	}
	for _, reference := range a.ReferenceMap() {
		r.uses |= variable(reference.Name)
	}
	for _, found := range ast.MatchDescendants(ast.NavigateAST(a), ast.KindMatcher(ast.IdentKind)) {
		if found.AsIdent() != effectiveVariable {
			continue
		}
		kind, named := kindRead(found)
		switch {
		case !named:
			r.whole = true
		case !slices.Contains(r.kinds, kind):
			r.kinds = append(r.kinds, kind)
		}
	}
}

// kindRead returns the one policy kind of the variable effective that is read at a position:
// effective.Kind, effective.?Kind, has(effective.Kind), effective["Kind.group"].
func kindRead(variable ast.NavigableExpr) (kind string, named bool) {
	parent, found := variable.Parent()
	if !found {
		return "", false
	}
	switch parent.Kind() {
	case ast.SelectKind:
		return parent.AsSelect().FieldName(), true
	case ast.CallKind:
		call := parent.AsCall()
		if f := call.FunctionName(); f != operators.Index && f != operators.OptIndex && f != operators.OptSelect {
			return "", false
		}
		args := call.Args()
		if len(args) != 2 || args[0].ID() != variable.ID() || args[1].Kind() != ast.LiteralKind {
			return "", false
		}
		name, isText := args[1].AsLiteral().(types.String)
		return string(name), isText
	}
	return "", false
}
