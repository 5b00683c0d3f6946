package regorule

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// plain are the functions whose time and memory is proportional to existing values, so that their
// arguments need not be checked.
var plain = []string{
	"assign", "eq", "equal",
	"is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string", "type_name",
	"count", "object.get",
}

// guarded are the functions that check their arguments first: the length of texts and numbers, and
// the size of lists. A function that is in neither list does not exist: nothing of http, net, opa,
// io.jwt, crypto, providers, rego, rand, uuid, graphql and yaml, no time.now_ns, trace or print.
var guarded = []string{
	"neq", "lt", "lte", "gt", "gte", "internal.member_2", "internal.member_3",
	"plus", "minus", "mul", "div", "rem", "abs", "ceil", "floor", "round", "sum", "product", "max", "min", "sort",
	"bits.and", "bits.or", "bits.xor", "bits.negate", "bits.lsh", "bits.rsh",
	"and", "or", "intersection", "union",
	"array.concat", "array.flatten", "array.reverse", "array.slice",
	"object.filter", "object.keys", "object.remove", "object.subset", "object.union", "object.union_n",
	"concat", "contains", "endswith", "format_int", "indexof", "indexof_n", "lower", "replace", "split", "sprintf", "startswith",
	"strings.any_prefix_match", "strings.any_suffix_match", "strings.count", "strings.replace_n", "strings.reverse", "strings.split_n",
	"substring", "trim", "trim_left", "trim_prefix", "trim_right", "trim_space", "trim_suffix", "upper",
	"regex.find_all_string_submatch_n", "regex.find_n", "regex.is_valid", "regex.match", "regex.replace", "regex.split",
	"json.is_valid", "json.marshal", "json.unmarshal",
	"numbers.range", "numbers.range_step", "to_number", "units.parse", "units.parse_bytes",
	"semver.compare", "semver.is_valid", "time.parse_duration_ns", "time.parse_rfc3339_ns", "walk",
}

// prefix is added to the name of a guarded function while it is compiled and evaluated: OPA does
// not permit replacing a function under its own name.
const prefix = "guarded."

// tables is what all modules are compiled and evaluated with.
type tables struct {
	capabilities *ast.Capabilities
	builtins     map[string]*topdown.Builtin
	// roots are the first words of the names of functions: sprintf, array.
	roots map[string]bool
}

// prepared builds the tables when they are first needed.
var prepared = sync.OnceValue(func() *tables {
	t := &tables{
		capabilities: ast.CapabilitiesForThisVersion(),
		builtins:     map[string]*topdown.Builtin{},
		roots:        map[string]bool{},
	}
	t.capabilities.Builtins = nil
	t.capabilities.AllowNet = []string{} // nobody: nil would be everybody
	t.capabilities.Features = slices.DeleteFunc(slices.Clone(t.capabilities.Features), func(f string) bool { return f == ast.FeatureTemplateStrings })
	for _, name := range plain {
		t.capabilities.Builtins = append(t.capabilities.Builtins, ast.BuiltinMap[name])
		t.roots[root(name)] = true
	}
	for _, name := range guarded {
		declaration := *ast.BuiltinMap[name]
		declaration.Name, declaration.Infix = prefix+name, ""
		declaration.CanSkipBctx = false // it carries the limit
		t.capabilities.Builtins = append(t.capabilities.Builtins, &declaration)
		t.builtins[declaration.Name] = &topdown.Builtin{Decl: &declaration, Func: guard(name)}
		t.roots[root(name)] = true
	}
	maps.Copy(t.builtins, counters())
	return t
})

func root(name string) string {
	name, _, _ = strings.Cut(name, ".")
	return name
}

// writing is the cost of writing a value as JSON, or reading one, relative to visiting it.
const writing = 4

// guard wraps a function: it checks the arguments first.
func guard(name string) topdown.BuiltinFunc {
	original, check := topdown.GetBuiltin(name), checks[name]
	return func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
		weight, err := weighAll(operands)
		if err == nil && check != nil {
			err = check(operands)
		}
		if l, ok := bctx.Cancel.(*limit); ok && err == nil {
			if strings.HasPrefix(name, "json.") {
				weight *= writing
			}
			err = l.work(weight + matching(name, operands)/4)
			iter = l.probing(operands, iter)
		}
		if err != nil {
			return &topdown.Error{Code: topdown.BuiltinErr, Message: name + ": " + err.Error(), Location: bctx.Location}
		}
		return original(bctx, operands, iter)
	}
}

// rename gives the calls of guarded functions in a module their names.
func (t *tables) rename(module *ast.Module) {
	call := func(operator *ast.Term) {
		ref, ok := operator.Value.(ast.Ref)
		if !ok || !slices.Contains(guarded, ref.String()) {
			return
		}
		operator.Value = ast.MustParseRef(prefix + ref.String())
	}
	ast.WalkExprs(module, func(e *ast.Expr) bool {
		if terms, ok := e.Terms.([]*ast.Term); ok && len(terms) > 0 {
			terms[0] = ast.NewTerm(terms[0].Value).SetLocation(terms[0].Location)
			call(terms[0])
		}
		return false
	})
	ast.WalkTerms(module, func(term *ast.Term) bool {
		if terms, ok := term.Value.(ast.Call); ok && len(terms) > 0 {
			terms[0] = ast.NewTerm(terms[0].Value).SetLocation(terms[0].Location)
			call(terms[0])
		}
		return false
	})
}
