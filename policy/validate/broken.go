package validate

import (
	"context"
	"slices"
	"strings"
	"sync"

	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/attache-dev/attache/policy/crd"
)

// broken validates a value and says which rule each problem is about, sorted by
// message.
func (n *node) broken(value map[string]any) []crd.Broken {
	ctx := context.Background()
	errs, rules := n.check(ctx, value)
	list := make([]crd.Broken, 0, len(errs)+len(rules))
	for _, err := range errs {
		list = append(list, crd.Broken{Field: fieldPath(err.Field), Rule: string(err.Type), Message: messageOf(err)})
	}
	for _, err := range rules {
		list = append(list, crd.Broken{Field: fieldPath(err.Field), Rule: n.ruleOf(ctx, value, err), Message: messageOf(err)})
	}
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, crd.CompareBroken)
	return slices.CompactFunc(list, func(a, b crd.Broken) bool { return crd.CompareBroken(a, b) == 0 })
}

// messageOf is what a rule says, after the field that it is about. The value is
// left out: a merged value stands next to the message, with its origin.
func messageOf(err *field.Error) string {
	message := err.Detail
	if message == "" {
		message = err.ErrorBody()
	}
	if name := err.Field; name != "" && name != "<nil>" && !strings.HasPrefix(message, name) {
		message = name + ": " + message
	}
	return message
}

// fieldPath takes apart the path of an error: a.b[0], or labels[a.b] for the key
// of a map.
func fieldPath(text string) crd.Path {
	if text == "" || text == "<nil>" {
		return nil
	}
	var path crd.Path
	for text != "" {
		text = strings.TrimPrefix(text, ".")
		end := strings.IndexAny(text, ".[")
		if key, rest, closed := strings.Cut(text, "]"); end == 0 && closed {
			path, text = append(path, key[1:]), rest
			continue
		}
		if end <= 0 {
			return append(path, text)
		}
		path, text = append(path, text[:end]), text[end:]
	}
	return path
}

// rulePlace is one CEL rule in a schema: the way to its node, and its place
// among the rules there.
type rulePlace struct {
	way   string
	index int
}

// ruleOf finds the CEL rule that an error is about. The error says the field and
// the message alone; where these leave a choice, the rules are asked one by one.
func (n *node) ruleOf(ctx context.Context, value map[string]any, err *field.Error) string {
	var static, computed []rulePlace
	texts := map[rulePlace]string{}
	walkRules(n.structural, fieldPath(err.Field), "", func(place rulePlace, s *structural.Structural) {
		r := s.XValidations[place.index]
		texts[place] = r.Rule
		switch {
		case r.MessageExpression != "":
			computed = append(computed, place)
		case r.Message == err.Detail || r.Message == "" && strings.Contains(err.Detail, strings.TrimSpace(r.Rule)):
			static = append(static, place)
		}
	})
	candidates := slices.Concat(static, computed)
	if len(candidates) == 1 {
		return texts[candidates[0]]
	}
	for _, place := range candidates {
		alone, _ := n.alone(place).Validate(ctx, nil, n.structural, value, nil, celconfig.RuntimeCELCostBudget)
		if slices.ContainsFunc(alone, func(o *field.Error) bool { return o.Field == err.Field && o.Detail == err.Detail }) {
			return texts[place]
		}
	}
	return string(err.Type)
}

// walkRules visits the rules of the nodes on the way to a field, that of the
// root first: a rule may name a field below its own node.
func walkRules(s *structural.Structural, path crd.Path, way string, visit func(rulePlace, *structural.Structural)) {
	for i := range s.XValidations {
		visit(rulePlace{way, i}, s)
	}
	if len(path) == 0 {
		return
	}
	switch property, declared := s.Properties[path[0]]; {
	case declared:
		walkRules(&property, path[1:], way+"."+path[0], visit)
	case s.Items != nil:
		walkRules(s.Items, path[1:], way+"[]", visit)
	case s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil:
		walkRules(s.AdditionalProperties.Structural, path[1:], way+"{}", visit)
	}
}

// single are validators of one rule each, made when they are first needed.
type single struct {
	mu    sync.Mutex
	known map[rulePlace]*cel.Validator
}

// alone is a validator that knows one rule of the schema.
func (n *node) alone(place rulePlace) *cel.Validator {
	n.single.mu.Lock()
	defer n.single.mu.Unlock()
	if v, ok := n.single.known[place]; ok {
		return v
	}
	s := n.structural.DeepCopy()
	keepRule(s, "", place)
	v := cel.NewValidator(s, false, celconfig.PerCallLimit)
	if n.single.known == nil {
		n.single.known = map[rulePlace]*cel.Validator{}
	}
	n.single.known[place] = v
	return v
}

// keepRule takes all rules but one out of a schema.
func keepRule(s *structural.Structural, way string, place rulePlace) {
	if way == place.way {
		s.XValidations = s.XValidations[place.index : place.index+1]
	} else {
		s.XValidations = nil
	}
	for name, property := range s.Properties {
		keepRule(&property, way+"."+name, place)
		s.Properties[name] = property
	}
	if s.Items != nil {
		keepRule(s.Items, way+"[]", place)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		keepRule(s.AdditionalProperties.Structural, way+"{}", place)
	}
}
