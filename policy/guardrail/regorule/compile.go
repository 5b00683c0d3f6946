package regorule

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/attache-dev/attache/policy/guardrail"
)

// Limits of a module.
const (
	// MaxModule is the size of a module in bytes.
	MaxModule = 32 << 10
	// MaxNesting is how deep brackets may be nested.
	MaxNesting = 48
	// MaxLoops is how deep comprehensions may be nested.
	MaxLoops = 4
	// MaxCopies is the maximum number of parts of a value that is built from other values: with x1
	// := [x0, x0], x2 := [x1, x1] and so on, x40 would have a million million.
	MaxCopies = 10_000
)

// maxProblems is the maximum number of problems that are reported for one module.
const maxProblems = 8

// file is the name of the module in OPA's messages.
const file = "rego"

// sets are the two sets that a module can define.
var sets = [...]string{"deny", "warn"}

// Compile compiles the module of one guardrail into one rule. It reports all of its problems.
func Compile(module string) (rules []guardrail.Rule, problems []guardrail.Problem) {
	defer func() {
		if r := recover(); r != nil {
			rules, problems = nil, []guardrail.Problem{{Message: fmt.Sprintf("the module cannot be compiled: %v", r)}}
		}
	}()
	r, problems := compile(module)
	if len(problems) > 0 {
		return nil, problems[:min(len(problems), maxProblems)]
	}
	return []guardrail.Rule{r}, nil
}

func compile(text string) (*rule, []guardrail.Problem) {
	if len(text) > MaxModule {
		return nil, []guardrail.Problem{{Message: fmt.Sprintf("a module of %d bytes is too long: at most %d", len(text), MaxModule)}}
	}
	if p := nested(text); p != nil {
		return nil, []guardrail.Problem{*p}
	}
	t := prepared()
	module, err := ast.ParseModuleWithOpts(file, text, ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: t.capabilities})
	if err != nil {
		return nil, errorProblems(err)
	}
	if problems := t.before(module); len(problems) > 0 {
		return nil, problems
	}
	t.rename(module)
	compiler := ast.NewCompiler().WithCapabilities(t.capabilities).WithStrict(true).WithDefaultRegoVersion(ast.RegoV1)
	compiler.SetErrorLimit(maxProblems)
	if compiler.Compile(map[string]*ast.Module{file: module}); compiler.Failed() {
		return nil, errorProblems(compiler.Errors)
	}
	compiled := compiler.Modules[file]
	r := &rule{compiler: compiler, tables: t}
	problems := r.references(compiled)
	problems = append(problems, grown(compiled)...)
	body := ast.NewBody()
	for _, name := range sets {
		defined, found := definition(compiled, name)
		problems = append(problems, found...)
		if defined {
			ref := compiled.Package.Path.Append(ast.StringTerm(name))
			body.Append(ast.Equality.Expr(ast.VarTerm(name), ast.NewTerm(ref)))
		}
	}
	if len(body) == 0 && len(problems) == 0 {
		problems = append(problems, at(compiled.Package.Location, "the module defines neither deny nor warn: write deny contains message if { … }"))
	}
	if len(problems) > 0 {
		return nil, problems
	}
	account(compiled)
	r.queryCompiler = compiler.QueryCompiler()
	if r.query, err = r.queryCompiler.Compile(body); err != nil {
		return nil, errorProblems(err)
	}
	return r, nil
}

// nested finds the position where brackets are nested too deep. It examines the text, because
// parsing is the slow part; a bracket in a string counts too.
func nested(text string) *guardrail.Problem {
	depth, line, column := 0, 1, 0
	for _, c := range text {
		column++
		switch c {
		case '\n':
			line, column = line+1, 0
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(0, depth-1)
		}
		if depth > MaxNesting {
			return &guardrail.Problem{Line: line, Column: column, Message: fmt.Sprintf("brackets are nested deeper than %d", MaxNesting)}
		}
	}
	return nil
}

// before finds what is wrong with a module before it is compiled.
func (t *tables) before(module *ast.Module) []guardrail.Problem {
	var problems []guardrail.Problem
	for _, i := range module.Imports {
		ref, _ := i.Path.Value.(ast.Ref)
		switch {
		case ref.Equal(ast.MustParseRef("rego.v1")):
		case ref.HasPrefix(ast.InputRootRef), ref.HasPrefix(module.Package.Path):
		default:
			problems = append(problems, at(i.Location, fmt.Sprintf("import %s is not available: a guardrail sees input and its own package", ref)))
		}
	}
	for _, r := range module.Rules {
		if name := string(r.Head.Name); t.roots[name] {
			problems = append(problems, at(r.Head.Location, name+" is a function of Rego: give the rule another name"))
		}
	}
	ast.WalkExprs(module, func(e *ast.Expr) bool {
		if len(e.With) > 0 {
			problems = append(problems, at(e.Location, "with is not available in a guardrail"))
		}
		if e.IsCall() && e.Operator().String() == ast.Print.Name {
			// The compiler would remove it silently.
			problems = append(problems, at(e.Location, "print is not available: nobody would see it"))
		}
		return false
	})
	ast.WalkTerms(module, func(term *ast.Term) bool {
		if n, ok := term.Value.(ast.Number); ok && digits(string(n)) != nil {
			problems = append(problems, at(term.Location, digits(string(n)).Error()))
		}
		return false
	})
	problems = append(problems, patterns(module)...)
	if loop := deepLoop(module, 0); loop != nil {
		problems = append(problems, at(loop, fmt.Sprintf("comprehensions are nested deeper than %d", MaxLoops)))
	}
	return problems
}

// deepLoop finds a comprehension that is nested too deep.
func deepLoop(node any, depth int) (found *ast.Location) {
	ast.WalkTerms(node, func(term *ast.Term) bool {
		var inner []any
		switch v := term.Value.(type) {
		case *ast.ArrayComprehension:
			inner = []any{v.Term, v.Body}
		case *ast.SetComprehension:
			inner = []any{v.Term, v.Body}
		case *ast.ObjectComprehension:
			inner = []any{v.Key, v.Value, v.Body}
		default:
			return found != nil
		}
		if depth >= MaxLoops {
			found = term.Location
		}
		for _, n := range inner {
			if found == nil {
				found = deepLoop(n, depth+1)
			}
		}
		return true
	})
	return found
}

// references collects the variables that a compiled module reads, and reports references to unknown
// ones.
func (r *rule) references(module *ast.Module) []guardrail.Problem {
	var problems []guardrail.Problem
	ast.WalkTerms(module, func(term *ast.Term) bool {
		ref, ok := term.Value.(ast.Ref)
		switch {
		case !ok || len(ref) == 0:
		case ref.HasPrefix(ast.InputRootRef):
			v, message := inputVariable(ref)
			r.uses |= v
			if v&guardrail.Effective != 0 {
				r.readsOf(ref)
			}
			if message != "" {
				problems = append(problems, at(term.Location, message))
			}
		case ref[0].Equal(ast.DefaultRootDocument):
			if message := missing(module, ref); message != "" {
				problems = append(problems, at(term.Location, message))
			}
		}
		return false
	})
	return problems
}

// readsOf records which policy kinds of the variable effective a reference reads.
func (r *rule) readsOf(ref ast.Ref) {
	var kind ast.String
	if len(ref) > 2 {
		kind, _ = ref[2].Value.(ast.String)
	}
	switch name := string(kind); {
	case name == "": // all of them, or one that is only known during evaluation
		r.whole = true
	case !slices.Contains(r.kinds, name):
		r.kinds = append(r.kinds, name)
	}
}

// missing returns what is wrong with a reference to data: in Rego, a rule that does not exist is
// undefined, which would look like "no violation".
func missing(module *ast.Module, ref ast.Ref) string {
	own := module.Package.Path
	if !ref.HasPrefix(own) || len(ref) == len(own) {
		return fmt.Sprintf("%s is not available: a guardrail sees input and the rules of its own package", ref)
	}
	name, ok := ref[len(own)].Value.(ast.String)
	if ok && !slices.ContainsFunc(module.Rules, func(r *ast.Rule) bool { return r.Head.Ref()[0].Value.Compare(ast.Var(name)) == 0 }) {
		return fmt.Sprintf("there is no rule %s in this package", string(name))
	}
	return ""
}

func inputVariable(ref ast.Ref) (v guardrail.Variables, message string) {
	if len(ref) == 1 {
		return guardrail.All, ""
	}
	name, ok := ref[1].Value.(ast.String)
	if !ok {
		return guardrail.All, ""
	}
	if v = guardrail.VariableNamed(string(name)); v == 0 {
		message = fmt.Sprintf("there is no input.%s: the input document has %s", string(name), guardrail.VariableNames())
	}
	return v, message
}

// definition reports whether a module defines a set, and adds problems for rules of that name that
// define something else.
func definition(module *ast.Module, name string) (defined bool, problems []guardrail.Problem) {
	for _, r := range module.Rules {
		ref := r.Head.Ref()
		if !ref[0].Equal(ast.VarTerm(name)) {
			continue
		}
		if len(ref) != 1 || r.Head.RuleKind() != ast.MultiValue || r.Default || len(r.Head.Args) > 0 {
			problems = append(problems, at(r.Head.Location, fmt.Sprintf("%s must be a set: write %s contains message if { … }", name, name)))
		}
		defined = true
	}
	return defined, problems
}

func at(l *ast.Location, message string) guardrail.Problem {
	if l == nil {
		return guardrail.Problem{Message: message}
	}
	return guardrail.Problem{Line: l.Row, Column: l.Col, Message: message}
}

// errorProblems turns OPA's errors into problems.
func errorProblems(err error) []guardrail.Problem {
	var list ast.Errors
	if !errors.As(err, &list) {
		return []guardrail.Problem{{Message: strings.TrimPrefix(err.Error(), file+":0: ")}}
	}
	var problems []guardrail.Problem
	for _, e := range list {
		p := at(e.Location, explain(e.Message))
		if p.Line == 0 {
			p.Column = 0
		}
		if e.Location != nil && len(e.Location.Text) > 0 {
			p.Message += fmt.Sprintf(" (at %q)", excerpt(e.Location.Text))
		}
		if !slices.Contains(problems, p) {
			problems = append(problems, p)
		}
	}
	return problems
}

// explain says what to write instead, if that is known.
func explain(message string) string {
	message = strings.ReplaceAll(strings.Join(strings.Fields(message), " "), prefix, "")
	if name, ok := strings.CutPrefix(message, "undefined function "); ok {
		if ast.BuiltinMap[name] != nil {
			return name + " is not available: a guardrail sees its input and nothing else"
		}
		return "there is no function " + name
	}
	return message
}

// excerpt is the beginning of an offending text.
func excerpt(text []byte) string {
	line, _, more := strings.Cut(string(text), "\n")
	if runes := []rune(line); len(runes) > 40 {
		line, more = string(runes[:40]), true
	}
	if more {
		line += "…"
	}
	return line
}
