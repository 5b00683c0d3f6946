package celrule

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"
	"k8s.io/apiserver/pkg/cel/library"

	"github.com/attache-dev/attache/policy/guardrail"
)

// maxProblems is the maximum number of problems that are reported for one expression.
const maxProblems = 5

// Compile compiles the expressions of one guardrail. It reports all problems of all of them, and
// returns a rule for each expression that has no problems other than warnings.
func Compile(expressions []guardrail.Expression) ([]guardrail.Rule, []guardrail.Problem) {
	t, err := prepared()
	if err != nil {
		return nil, []guardrail.Problem{{Message: "CEL cannot be used: " + err.Error()}}
	}
	var rules []guardrail.Rule
	var problems []guardrail.Problem
	for i, e := range expressions {
		r, found := t.rule(i, e)
		if r != nil {
			rules = append(rules, r)
		}
		problems = append(problems, found...)
	}
	return rules, problems
}

func (t *tables) rule(i int, e guardrail.Expression) (*rule, []guardrail.Problem) {
	r := &rule{code: strconv.Itoa(i), source: e.Expression, message: e.Message, fieldPath: e.FieldPath}
	path := fmt.Sprintf("[%d].", i)
	program, read, problems := t.program(e.Expression, cel.BoolType, path+"expression")
	r.program = program
	r.reads(read)
	if e.MessageExpression != "" {
		message, read, found := t.program(e.MessageExpression, cel.StringType, path+"messageExpression")
		r.messageProgram = message
		r.reads(read)
		problems = append(problems, found...)
	}
	if slices.ContainsFunc(problems, func(p guardrail.Problem) bool { return !p.Warning }) {
		return nil, problems
	}
	return r, problems
}

// program compiles one expression that must have a type.
func (t *tables) program(source string, want *cel.Type, path string) (cel.Program, *ast.AST, []guardrail.Problem) {
	problem := func(err error) []guardrail.Problem {
		return []guardrail.Problem{{Field: path, Message: err.Error()}}
	}
	parsed, issues := t.env.Parse(source)
	if issues.Err() != nil {
		return nil, nil, issueProblems(issues, source, path)
	}
	if found := forbidden(parsed.NativeRep(), source, path); len(found) > 0 {
		return nil, nil, found
	}
	checked, issues := t.env.Check(parsed)
	if issues.Err() != nil {
		return nil, nil, issueProblems(issues, source, path)
	}
	if err := resultType(checked.OutputType(), want); err != nil {
		return nil, nil, problem(err)
	}
	price, err := t.price(checked)
	if err != nil {
		return nil, nil, problem(err)
	}
	program, err := t.env.Program(checked,
		cel.CustomDecoratorV2(t.guard),
		cel.EvalOptions(cel.OptOptimize, cel.OptTrackCost), // never OptTrackState or OptExhaustiveEval
		cel.CostLimit(MaxCost),
		cel.CostTracking(prices{}),
		cel.InterruptCheckFrequency(1),
	)
	if err != nil {
		return nil, nil, problem(err)
	}
	var warnings []guardrail.Problem
	if price != "" {
		warnings = []guardrail.Problem{{Field: path, Message: price, Warning: true}}
	}
	return program, checked.NativeRep(), warnings
}

func resultType(got, want *cel.Type) error {
	switch {
	case got.IsExactType(want):
		return nil
	case want == cel.BoolType && got.IsExactType(cel.DynType):
		return errors.New("the type of the result is not known, and must be true or false: compare it, as in … == true")
	case want == cel.BoolType:
		return fmt.Errorf("the result is %s, and must be true or false: write a comparison", article(got))
	case got.IsExactType(cel.DynType):
		return errors.New("the type of the result is not known, and must be a string: write string(…) around it")
	}
	return fmt.Errorf("the result is %s, and must be a string: write string(…) around it", article(got))
}

func article(t *cel.Type) string {
	name := t.String()
	if strings.ContainsAny(name[:1], "aeiou") {
		return "an " + name
	}
	return "a " + name
}

// forbidden finds what must not even be type-checked: regular expressions that are slow to compile,
// and protocol buffer messages, which are not needed and copy their contents without a limit.
func forbidden(a *ast.AST, source, path string) []guardrail.Problem {
	var problems []guardrail.Problem
	comprehensions := 0
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			comprehensions++
		}
		if err := forbid(e); err != nil && len(problems) < maxProblems {
			problems = append(problems, problemAt(a.SourceInfo().GetStartLocation(e.ID()), err.Error(), source, path))
		}
	}))
	if comprehensions > MaxComprehensions {
		problems = append(problems, guardrail.Problem{Field: path,
			Message: fmt.Sprintf("%d loops (all, exists, map, filter, …) are too many: at most %d", comprehensions, MaxComprehensions)})
	}
	return problems
}

func forbid(e ast.Expr) error {
	switch e.Kind() {
	case ast.StructKind:
		return fmt.Errorf("%s{…} is not available: write a map, {\"key\": value}", e.AsStruct().TypeName())
	case ast.CallKind:
		call := e.AsCall()
		if !slices.Contains([]string{"matches", "find", "findAll"}, call.FunctionName()) || len(call.Args()) == 0 {
			return nil
		}
		pattern := call.Args()[0]
		if !call.IsMemberFunction() && len(call.Args()) > 1 {
			pattern = call.Args()[1]
		}
		if text, ok := pattern.AsLiteral().(types.String); ok {
			_, err := guardrail.PatternSize(string(text))
			return err
		}
	}
	return nil
}

// assumed is the size that lists, maps and texts of an input document are assumed to have when the
// cost of an expression is estimated: few are larger.
const assumed = 32

// sizes estimates the cost of Kubernetes' functions, on inputs of the assumed size.
type sizes struct{}

// EstimateSize estimates the size of a value that is not a constant.
func (sizes) EstimateSize(checker.AstNode) *checker.SizeEstimate {
	return &checker.SizeEstimate{Min: 0, Max: assumed}
}

// EstimateCallCost leaves the cost of calls to other estimators.
func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}

// price refuses an expression that costs too much on any input, and warns about one that does on an
// input of the assumed size.
func (t *tables) price(checked *cel.Ast) (warning string, err error) {
	cost, err := t.env.EstimateCost(checked, &library.CostEstimator{SizeEstimator: sizes{}})
	if err != nil {
		return "", fmt.Errorf("the cost of the expression cannot be estimated: %w", err)
	}
	if cost.Min > MaxCost {
		return "", fmt.Errorf("the expression is too expensive: it costs %d at the least, and %d is the limit: remove a loop", cost.Min, MaxCost)
	}
	if cost.Max > MaxCost {
		return fmt.Sprintf("the expression may be too expensive: with lists of %d elements it costs up to %d, and it is stopped at %d", assumed, cost.Max, MaxCost), nil
	}
	return "", nil
}

// issueProblems turns the findings of parser and checker into problems.
func issueProblems(issues *cel.Issues, source, path string) []guardrail.Problem {
	var problems []guardrail.Problem
	for _, e := range issues.Errors() {
		if len(problems) == maxProblems {
			break
		}
		problems = append(problems, problemAt(e.Location, e.Message, source, path))
	}
	return problems
}

func problemAt(at common.Location, message, source, path string) guardrail.Problem {
	offending := excerpt(source, at)
	p := guardrail.Problem{Field: path, Message: explain(message, offending)}
	if at.Line() > 0 {
		p.Line, p.Column = at.Line(), at.Column()+1
	}
	if offending != "" {
		p.Message += fmt.Sprintf(" (at %q)", offending)
	}
	return p
}

// explain says what to write instead, if that is known.
func explain(message, offending string) string {
	message, _, _ = strings.Cut(message, "\n")
	message = strings.TrimSuffix(message, " (in container '')")
	switch {
	case strings.HasSuffix(message, "reserved identifier: namespace"):
		return "namespace is a word that CEL reserves: write " + namespaceObject
	case strings.HasPrefix(message, "undeclared reference to '"):
		name := strings.Split(message, "'")[1]
		if strings.HasPrefix(offending, "(") {
			return "there is no function " + name
		}
		return fmt.Sprintf("there is no %s: the variables are %s", name,
			strings.ReplaceAll(guardrail.VariableNames(), "namespace", namespaceObject))
	}
	return message
}

// excerpt returns the text at a position in an expression.
func excerpt(source string, at common.Location) string {
	lines := strings.Split(source, "\n")
	if at.Line() < 1 || at.Line() > len(lines) {
		return ""
	}
	line := []rune(lines[at.Line()-1])
	if at.Column() < 0 || at.Column() >= len(line) {
		return ""
	}
	line = line[at.Column():]
	if len(line) > 24 {
		return string(line[:24]) + "…"
	}
	return string(line)
}
