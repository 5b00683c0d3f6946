package guardrail

import (
	"context"
	"strings"
)

// Rule is one compiled expression or module.
type Rule interface {
	// Check runs the rule on one path. Findings are what the rule objects to;
	// none means that the path is fine. An error means that the rule could not
	// be evaluated on this input, or that the context ended.
	Check(ctx context.Context, in Input) ([]Finding, error)
	// Uses returns the variables that the rule reads. Paths with equal values of these share one
	// result.
	Uses() Variables
}

// KindReader is a Rule that knows which policy kinds of the variable effective it reads.
type KindReader interface {
	// Kinds returns their names; only is false for a rule that may read any.
	Kinds() (names []string, only bool)
}

// Finding is one objection of a rule to one path.
type Finding struct {
	// Code distinguishes the rule's objections independently of values: the number of the
	// expression, or a code that the rule returns.
	Code string
	// Message is for people.
	Message string
	// FieldPath is the path in the input document of the value that it concerns:
	// effective.TimeoutPolicy.request. It may be empty.
	FieldPath string
	// WarnOnly findings never deny.
	WarnOnly bool
}

// Input is the document that a rule sees: JSON values under the names of
// Variables. Values are shared and must not be changed.
type Input map[string]any

// Variables is a set of names in an Input.
type Variables uint32

// The variables (docs/guardrails.md describes each). Object, OldObject, Operation, User and Change
// only exist at admission.
const (
	Effective Variables = 1 << iota
	Origins
	Before
	Route
	RouteRule
	Listener
	Gateway
	GatewayClass
	Namespace
	// Outcomes says how data planes enforce the policies of the path.
	Outcomes
	Object
	OldObject
	Operation
	User
	Edited

	// AdmissionOnly are the variables that only exist while an edit is reviewed.
	AdmissionOnly = Object | OldObject | Operation | User | Edited
	// All is every variable.
	All = Edited<<1 - 1
)

// Names lists the variables in order, by the names that rules use.
var Names = [...]struct {
	Name     string
	Variable Variables
}{
	{"effective", Effective},
	{"origins", Origins},
	{"before", Before},
	{"route", Route},
	{"rule", RouteRule},
	{"listener", Listener},
	{"gateway", Gateway},
	{"gatewayClass", GatewayClass},
	{"namespace", Namespace},
	{"enforcement", Outcomes},
	{"object", Object},
	{"oldObject", OldObject},
	{"operation", Operation},
	{"user", User},
	{"change", Edited},
}

// VariableNamed is the variable with a name, 0 when there is none.
func VariableNamed(name string) Variables {
	for _, v := range Names {
		if v.Name == name {
			return v.Variable
		}
	}
	return 0
}

// VariableNames lists all names for a message: "effective, origins, … and
// change".
func VariableNames() string {
	var b strings.Builder
	for i, v := range Names {
		switch i {
		case 0:
		case len(Names) - 1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(v.Name)
	}
	return b.String()
}
