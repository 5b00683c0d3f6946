package regorule

import (
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/attache-dev/attache/policy/guardrail"
)

// patterns finds invalid regular expressions in a module. Otherwise they would only be found when
// the module is evaluated, and everything in its scope would be refused.
func patterns(module *ast.Module) []guardrail.Problem {
	var problems []guardrail.Problem
	check := func(terms []*ast.Term) {
		if len(terms) == 0 {
			return
		}
		name := terms[0].Value.String()
		operand := 1
		switch {
		case !strings.HasPrefix(name, "regex."), name == "regex.is_valid":
			return
		case name == "regex.replace":
			operand = 2
		}
		if len(terms) <= operand {
			return
		}
		pattern, isConstant := terms[operand].Value.(ast.String)
		if !isConstant {
			return
		}
		if _, err := guardrail.PatternSize(string(pattern)); err != nil {
			problems = append(problems, at(terms[operand].Location, name+": "+err.Error()))
		}
	}
	ast.WalkExprs(module, func(e *ast.Expr) bool {
		if terms, ok := e.Terms.([]*ast.Term); ok {
			check(terms)
		}
		return false
	})
	ast.WalkTerms(module, func(term *ast.Term) bool {
		if call, ok := term.Value.(ast.Call); ok {
			check(call)
		}
		return false
	})
	return problems
}
