package validate

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/cel-go/common/types"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/common"

	"github.com/attache-dev/attache/policy/crd"
)

// rule is one CEL rule of a node, as the API server's validator knows it. The validator of a whole
// schema returns which field breaks a rule, and a message, but not which rule. So every rule is
// evaluated separately, at the values that it concerns.
type rule struct {
	text      string // of the rule; empty for the rules in allOf
	validator func() *cel.Validator
	compiled  cel.CompilationResult
}

// brokenRule is a rule that a value breaks.
type brokenRule struct {
	*rule
	at   crd.Path // of the node that has the rule
	path crd.Path // of the field that the rule concerns
	err  *field.Error
}

// rulesOf returns the rules of a node itself, each with a validator of its own. They are compiled
// when a value breaks a rule.
func rulesOf(s *structural.Structural, object bool, compiled []cel.CompilationResult) []*rule {
	var list []*rule
	add := func(r *rule, keep func(*structural.Structural)) {
		r.validator = sync.OnceValue(func() *cel.Validator {
			alone := s.DeepCopy()
			dropRules(alone)
			keep(alone)
			return cel.NewValidator(alone, object, celconfig.PerCallLimit)
		})
		list = append(list, r)
	}
	for i := range s.XValidations {
		r := &rule{text: s.XValidations[i].Rule}
		if i < len(compiled) {
			r.compiled = compiled[i]
		}
		add(r, func(alone *structural.Structural) { alone.XValidations = s.XValidations[i : i+1] })
	}
	if s.ValueValidation != nil && anyRules(s.ValueValidation.AllOf) {
		add(&rule{}, func(alone *structural.Structural) {
			alone.ValueValidation = s.ValueValidation
			// The library finds no rules in a schema that only has them in allOf.
			alone.XValidations = apiextensionsv1.ValidationRules{{Rule: "true"}}
		})
	}
	return list
}

// dropRules removes all rules from a schema.
func dropRules(s *structural.Structural) {
	s.XValidations = nil
	if s.ValueValidation != nil {
		s.ValueValidation.AllOf = nil
	}
	for name, property := range s.Properties {
		dropRules(&property)
		s.Properties[name] = property
	}
	if s.Items != nil {
		dropRules(s.Items)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		dropRules(s.AdditionalProperties.Structural)
	}
}

// eachRule evaluates every rule of a schema at every value in an object: the rules of a node before
// those below it, and keys in order.
func (p *part) eachRule(ctx context.Context, at *field.Path, path crd.Path, value any) []brokenRule {
	if p == nil || value == nil {
		return nil
	}
	var broken []brokenRule
	if p.rules != nil {
		broken = p.rules().broken(ctx, at, path, value)
	}
	switch value := value.(type) {
	case []any:
		for i, item := range value {
			broken = append(broken, p.items.eachRule(ctx, at.Index(i), append(slices.Clone(path), strconv.Itoa(i)), item)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			below := append(slices.Clone(path), name)
			broken = append(broken, p.entries.eachRule(ctx, at.Key(name), below, value[name])...)
			broken = append(broken, p.fields[name].eachRule(ctx, at.Child(name), below, value[name])...)
		}
	}
	return broken
}

// broken returns the rules of the node itself that a value breaks.
func (r *rules) broken(ctx context.Context, at *field.Path, path crd.Path, value any) []brokenRule {
	var broken []brokenRule
	for _, rule := range r.each {
		errs, _ := rule.validator().Validate(ctx, at, nil, value, nil, celconfig.RuntimeCELCostBudget)
		for _, err := range errs {
			if text, ok := rule.message(ctx, self{inOrder(common.UnstructuredToVal(value, r.schema))}); ok {
				err.Detail = text
			}
			below := strings.TrimPrefix(strings.TrimPrefix(err.Field, at.String()), ".")
			broken = append(broken, brokenRule{rule, path, slices.Concat(path, fieldPath(below)), err})
		}
	}
	return broken
}

// message evaluates the messageExpression of a broken rule with sorted keys: the API server
// iterates over keys in a different order each time. ok is false where the API server would use
// another message instead.
func (r *rule) message(ctx context.Context, self self) (text string, ok bool) {
	if r.compiled.Program == nil || r.compiled.MessageExpression == nil {
		return "", false
	}
	if result, _, err := r.compiled.Program.ContextEval(ctx, self); err != nil || result != types.False {
		return "", false
	}
	result, _, err := r.compiled.MessageExpression.ContextEval(ctx, self)
	if err != nil {
		return "", false
	}
	text, _ = result.Value().(string)
	text = strings.TrimSpace(text)
	return text, text != "" && len(text) <= celconfig.MaxEvaluatedMessageExpressionSizeBytes && !strings.Contains(text, "\n")
}
