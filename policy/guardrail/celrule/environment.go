package celrule

import (
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/functions"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/attache-dev/attache/policy/guardrail"
)

// Limits of an expression.
const (
	// MaxExpression is the size of an expression in characters.
	MaxExpression = 4096
	// MaxNesting is the maximum depth of nested brackets, calls and operators.
	MaxNesting = 100
	// MaxLoops is the maximum depth of nested or chained comprehensions (all, exists, map, filter,
	// …), and MaxComprehensions their maximum number.
	MaxLoops          = 4
	MaxComprehensions = 32
	// MaxCost is the cost limit of one evaluation, in the units of Kubernetes. It is a tenth of what
	// Kubernetes allows: a million takes half a second or more, so that the timeout would decide
	// instead, differently on every machine.
	MaxCost = 100_000
)

// namespaceObject is the variable namespace, whose name CEL reserves.
const namespaceObject = "namespaceObject"

// tables is the compiled environment and the implementations of its functions.
type tables struct {
	env       *cel.Env
	overloads map[string]*functions.Overload
}

// prepared builds the tables when they are first needed: this takes some milliseconds, which a
// program without CEL guardrails should not spend.
var prepared = sync.OnceValues(prepare)

func prepare() (*tables, error) {
	options := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(MaxExpression),
		cel.ParserRecursionLimit(MaxNesting),
		cel.ASTValidators(cel.ValidateComprehensionNestingLimit(MaxLoops)),
	}
	for _, v := range guardrail.Names {
		options = append(options, cel.Variable(celName(v.Name), cel.DynType))
	}
	// The version is fixed, so that a new library does not silently change what guardrails can use.
	set, err := environment.MustBaseEnvSet(version.MajorMinor(1, 37)).Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions:        options,
	})
	if err != nil {
		return nil, err
	}
	env := set.NewExpressionsEnv()
	if env, err = env.Extend(cel.CustomTypeAdapter(inOrder{env.CELTypeAdapter()})); err != nil {
		return nil, err
	}
	t := &tables{env: env, overloads: map[string]*functions.Overload{}}
	for _, function := range t.env.Functions() {
		bindings, err := function.Bindings()
		if err != nil {
			return nil, err
		}
		for _, b := range bindings {
			t.overloads[b.Operator] = b
		}
	}
	return t, nil
}

// celName is the name of a variable in CEL.
func celName(name string) string {
	if name == "namespace" {
		return namespaceObject
	}
	return name
}

// variable returns the guardrail's variable for a name in CEL; 0 for other names.
func variable(name string) guardrail.Variables {
	if name == namespaceObject {
		return guardrail.Namespace
	}
	return guardrail.VariableNamed(name)
}
