package validate

import (
	"context"
	"math"
	"sync"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"k8s.io/apiserver/pkg/cel/environment"
)

// rules are the CEL rules of one node of a schema, compiled by the API server's own code, to test
// whether a new value satisfies all of them. A value that does not, or that cannot be tested here,
// is validated as a whole by the API server's validator, which has the messages.
type rules struct {
	compiled []cel.CompilationResult
	schema   *celSchema
	unknown  bool // there are rules that cannot be evaluated here
	each     []*rule
}

// ruled is a node of a schema as CEL sees it: the zero value is a node that CEL does not see.
type ruled struct {
	schema   *celSchema
	declared *apiservercel.DeclType
	object   bool // a whole object
}

func ruledRoot(s *structural.Structural, object bool) ruled {
	return ruled{newCELSchema(s), model.SchemaDeclType(s, object), object}
}

func (n ruled) node(schema *celSchema, declared *apiservercel.DeclType) ruled {
	if schema == nil {
		return ruled{}
	}
	return ruled{schema, declared, schema.IsXEmbeddedResource()}
}

func (n ruled) property(name string) ruled {
	if n.schema == nil {
		return ruled{}
	}
	property := n.schema.property(name)
	if property == nil {
		return ruled{}
	}
	escaped, writable := apiservercel.Escape(name)
	if !writable { // a rule cannot select it, and it may have rules of its own
		return n.node(property, model.SchemaDeclType(property.Structural.Structural, property.IsXEmbeddedResource()))
	}
	if n.declared == nil || n.declared.Fields[escaped] == nil {
		return ruled{} // an API server leaves out a value of an unknown type
	}
	return n.node(property, n.declared.Fields[escaped].Type)
}

func (n ruled) items() ruled {
	if n.schema == nil {
		return ruled{}
	}
	return n.node(n.schema.items, n.elements())
}

func (n ruled) entries() ruled {
	if n.schema == nil || n.schema.entries == nil {
		return ruled{}
	}
	return n.node(n.schema.entries.schema, n.elements())
}

func (n ruled) elements() *apiservercel.DeclType {
	if n.declared == nil {
		return nil
	}
	return n.declared.ElemType
}

// rules returns the rules of the node itself, compiled when they are first needed; nil when it has
// none.
func (n ruled) rules() func() *rules {
	if n.schema == nil || len(n.schema.Structural.Structural.XValidations) == 0 && !n.nested() {
		return nil
	}
	return sync.OnceValue(n.compile)
}

// nested reports whether there are rules in allOf.
func (n ruled) nested() bool {
	validation := n.schema.Structural.Structural.ValueValidation
	return validation != nil && anyRules(validation.AllOf)
}

func (n ruled) compile() *rules {
	own := n.schema.Structural.Structural
	r := &rules{schema: n.schema, unknown: n.nested()}
	if n.object {
		r.schema = n.schema.whole()
	}
	env := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())
	compiled, err := cel.Compile(own, n.declared, celconfig.PerCallLimit, env, cel.StoredExpressionsEnvLoader())
	r.each = rulesOf(own, n.object, compiled)
	if err != nil {
		r.unknown = true
		return r
	}
	for i, c := range compiled {
		optional := own.XValidations[i].OptionalOldSelf
		switch {
		case c.Error != nil, optional != nil && *optional:
			r.unknown = true
		case c.Program == nil: // an empty rule
		case c.UsesOldSelf: // there is no old value
		default:
			r.compiled = append(r.compiled, c)
		}
	}
	return r
}

// anyRules reports whether there are rules in allOf.
func anyRules(all []structural.NestedValueValidation) bool {
	for i := range all {
		if nestedRules(&all[i]) {
			return true
		}
	}
	return false
}

func nestedRules(n *structural.NestedValueValidation) bool {
	if n == nil {
		return false
	}
	if len(n.XValidations) > 0 || nestedRules(n.Items) || nestedRules(n.AdditionalProperties) || anyRules(n.AllOf) {
		return true
	}
	for name := range n.Properties {
		property := n.Properties[name]
		if nestedRules(&property) {
			return true
		}
	}
	return false
}

// kept reports whether a value satisfies all rules, and returns the cost of the test.
func (r *rules) kept(ctx context.Context, value any) (cost int64, kept bool) {
	if r.unknown {
		return 0, false
	}
	self := self{common.UnstructuredToVal(value, r.schema)}
	for _, rule := range r.compiled {
		result, details, err := rule.Program.ContextEval(ctx, self)
		if err != nil || result != types.True || details == nil || details.ActualCost() == nil {
			return 0, false
		}
		more := *details.ActualCost()
		if more > math.MaxInt64 || cost+int64(more) > celconfig.RuntimeCELCostBudget {
			return 0, false
		}
		cost += int64(more)
	}
	return cost, true
}

// self is the variable that rules read.
type self struct{ value ref.Val }

// ResolveName finds the only variable.
func (s self) ResolveName(name string) (any, bool) {
	if name == cel.ScopedVarName {
		return s.value, true
	}
	return nil, false
}

// Parent is the outer scope, which does not exist.
func (s self) Parent() interpreter.Activation { return nil }
