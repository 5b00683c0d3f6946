package guardrail

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Expression is one entry of spec.cel: an expression that is true when a path is fine, and the
// message when it is not.
type Expression struct {
	Expression string `json:"expression"`
	// Message is a text, MessageExpression an expression that makes one; one of
	// the two is set.
	Message           string `json:"message,omitempty"`
	MessageExpression string `json:"messageExpression,omitempty"`
	// FieldPath is the path of the value that it concerns, for Finding.
	FieldPath string `json:"fieldPath,omitempty"`
}

// Compilers turn the text of guardrails into rules. They are passed in, because this package knows
// no expression engine. A compiler names the field of a Problem relative to what it was given:
// "[2].expression", or "".
type Compilers struct {
	CEL  func([]Expression) ([]Rule, []Problem)
	Rego func(module string) ([]Rule, []Problem)
}

// Problem is something wrong with a guardrail.
type Problem struct {
	// Field is the path in the object: spec.cel[0].expression.
	Field string
	// Line and Column are the position in the text of that field, counted from 1; 0 when the problem
	// has no position.
	Line, Column int
	// Message says what is wrong and, where that is known, what to write instead.
	Message string
	// Warning problems do not keep the guardrail from working.
	Warning bool
}

// String is the problem as one line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Field)
	if p.Line > 0 {
		fmt.Fprintf(&b, " line %d column %d", p.Line, p.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Text returns the message with the position in the text of the field: "line 2, column 7: …".
func (p Problem) Text() string {
	if p.Line == 0 {
		return p.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Message)
}

// spec is the part of PolicyGuardrail's spec that is read here. The types of
// package v1alpha1 are for clients; core packages read objects as they are.
type spec struct {
	Match struct {
		PolicyKinds       []string              `json:"policyKinds"`
		RouteKinds        []string              `json:"routeKinds"`
		NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector"`
		RouteSelector     *metav1.LabelSelector `json:"routeSelector"`
		GatewaySelector   *metav1.LabelSelector `json:"gatewaySelector"`
		GatewayClassNames []string              `json:"gatewayClassNames"`
	} `json:"match"`
	Enforcement Enforcement     `json:"enforcement"`
	CEL         []Expression    `json:"cel"`
	Rego        string          `json:"rego"`
	Examples    []example       `json:"examples"`
	Exceptions  []readException `json:"exceptions"`

	ExceptionsEnd string `json:"exceptionsEnd"`
}

// Parse reads and compiles a PolicyGuardrail. It reports everything that is
// wrong at once, sorted. A guardrail with problems that are not warnings is
// returned as well, with Broken set and no rules, so that it can be shown and
// given a status. u is neither changed nor kept.
func Parse(u *unstructured.Unstructured, compile Compilers) (*Guardrail, []Problem) {
	g := &Guardrail{Name: u.GetName(), Enforcement: Deny, Digest: digestOf(u.Object["spec"])}
	s, problems := readSpec(u)
	if len(problems) == 0 {
		if s.Enforcement != "" {
			g.Enforcement = s.Enforcement
		}
		g.Match, problems = readMatch(s)
		if !slices.Contains([]Enforcement{Deny, Warn, Audit}, g.Enforcement) {
			problems = append(problems, Problem{Field: "spec.enforcement",
				Message: fmt.Sprintf("%q is not an enforcement: write Deny, Warn or Audit", g.Enforcement)})
			g.Enforcement = Deny
		}
		rules, found := readRules(s, compile)
		exceptions, faults := readExceptions(s.Exceptions)
		switch g.Withholds = s.ExceptionsEnd == withhold; {
		case s.ExceptionsEnd == "", s.ExceptionsEnd == keep, g.Withholds:
		default:
			faults = append(faults, Problem{Field: "spec.exceptionsEnd", Message: fmt.Sprintf("%q is not what can happen when an exception ends: write %s or %s", s.ExceptionsEnd, keep, withhold)})
		}
		g.Rules, g.Exceptions, problems = rules, exceptions, slices.Concat(problems, found, faults)
	}
	sortProblems(problems)
	for _, p := range problems {
		if !p.Warning {
			g.Broken, g.Rules = p.String(), nil
			break
		}
	}
	return g, problems
}

// digestOf returns a short text for a JSON value.
func digestOf(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// Language is the language that a PolicyGuardrail is written in: "CEL", "Rego",
// or "" when it has neither.
func Language(u *unstructured.Unstructured) string {
	if list, ok, _ := unstructured.NestedSlice(u.Object, "spec", "cel"); ok && len(list) > 0 {
		return "CEL"
	}
	if text, _, _ := unstructured.NestedString(u.Object, "spec", "rego"); text != "" {
		return "Rego"
	}
	return ""
}

// readSpec decodes spec. Its schema has already caught most mistakes, so the messages about the
// others need not be perfect.
func readSpec(u *unstructured.Unstructured) (*spec, []Problem) {
	raw, isObject := u.Object["spec"].(map[string]any)
	if !isObject {
		return nil, []Problem{{Field: "spec", Message: "a guardrail needs a spec with cel or rego"}}
	}
	data, err := json.Marshal(raw)
	if err != nil {
		return nil, []Problem{{Field: "spec", Message: "spec is not JSON: " + err.Error()}}
	}
	s := &spec{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, []Problem{{Field: "spec", Message: "spec cannot be read: " + err.Error()}}
	}
	// Decoding JSON a second time would turn whole numbers into fractions.
	list, _ := raw["examples"].([]any)
	for i := range s.Examples {
		if one, ok := list[i].(map[string]any); ok {
			s.Examples[i].Input, _ = runtime.DeepCopyJSONValue(one["input"]).(map[string]any)
		}
	}
	return s, nil
}

func readMatch(s *spec) (Match, []Problem) {
	m := Match{
		PolicyKinds:    s.Match.PolicyKinds,
		RouteKinds:     s.Match.RouteKinds,
		GatewayClasses: s.Match.GatewayClassNames,
	}
	var problems []Problem
	for _, one := range []struct {
		name     string
		selector *metav1.LabelSelector
		into     *labels.Selector
	}{
		{"namespaceSelector", s.Match.NamespaceSelector, &m.Namespace},
		{"routeSelector", s.Match.RouteSelector, &m.Route},
		{"gatewaySelector", s.Match.GatewaySelector, &m.Gateway},
	} {
		if one.selector == nil {
			continue
		}
		path := field.NewPath("spec", "match", one.name)
		errs := metavalidation.ValidateLabelSelector(one.selector, metavalidation.LabelSelectorValidationOptions{}, path)
		for _, e := range errs {
			problems = append(problems, Problem{Field: e.Field, Message: selectorMessage(e)})
		}
		if len(errs) > 0 {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(one.selector)
		if err != nil {
			problems = append(problems, Problem{Field: path.String(), Message: err.Error()})
			continue
		}
		*one.into = selector
	}
	return m, problems
}

// selectorMessage says what is wrong with a part of a label selector.
func selectorMessage(e *field.Error) string {
	if _, isOperator := e.BadValue.(metav1.LabelSelectorOperator); isOperator {
		return fmt.Sprintf("%q is not an operator of label selectors: write In, NotIn, Exists or DoesNotExist", e.BadValue)
	}
	return e.ErrorBody()
}

func readRules(s *spec, compile Compilers) ([]Rule, []Problem) {
	within := func(path string, found []Problem) []Problem {
		for i := range found {
			found[i].Field = path + found[i].Field
		}
		return found
	}
	switch {
	case len(s.CEL) > 0 && s.Rego != "":
		return nil, []Problem{{Field: "spec", Message: "cel and rego are both set: keep one, and move the other into a guardrail of its own"}}
	case len(s.CEL) > 0 && compile.CEL != nil:
		rules, problems := compile.CEL(s.CEL)
		return rules, within("spec.cel", problems)
	case s.Rego != "" && compile.Rego != nil:
		rules, problems := compile.Rego(s.Rego)
		return rules, within("spec.rego", problems)
	case len(s.CEL) > 0 || s.Rego != "":
		return nil, []Problem{{Field: "spec", Message: "this program has no compiler for the language of the guardrail"}}
	}
	return nil, []Problem{{Field: "spec", Message: "the guardrail checks nothing: write cel (a list of expressions) or rego (a module)"}}
}

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.Field, b.Field), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Message, b.Message))
	})
}
