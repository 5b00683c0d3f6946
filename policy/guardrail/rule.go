package guardrail

import (
	"context"

	"github.com/attache-dev/attache/policy/effective"
)

// Rule is one compiled expression or module.
type Rule interface {
	// Check runs the rule on one path. Findings are what the rule objects to;
	// none means that the path is fine. An error means that the rule could not
	// be evaluated on this input, or that the context ended.
	Check(ctx context.Context, in Input) ([]Finding, error)
	// Uses says which variables the rule reads. Paths that agree in them share
	// one result.
	Uses() Variables
}

// Finding is one objection of a rule to one path.
type Finding struct {
	// Code tells the rule's objections apart in a way that does not depend on
	// values: the number of the expression, or a code that the rule gives.
	Code string
	// Message is for people.
	Message string
	// FieldPath is the value it is about, as a path in the input document:
	// effective.TimeoutPolicy.request. May be empty.
	FieldPath string
	// WarnOnly findings never deny.
	WarnOnly bool
}

// Input is the document that a rule sees: JSON values under the names of
// Variables. Values are shared and must not be changed.
type Input map[string]any

// Variables is a set of names in an Input.
type Variables uint32

// The variables (docs/guardrails.md describes each). Object, OldObject,
// Operation, User and Change exist at admission only.
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
	Object
	OldObject
	Operation
	User
	Edited

	// AdmissionOnly are the variables that exist only while an edit is reviewed.
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
	{"object", Object},
	{"oldObject", OldObject},
	{"operation", Operation},
	{"user", User},
	{"change", Edited},
}

// effectiveInput is the effective policy of a path by kind.
func effectiveInput(r *effective.PathPolicies) map[string]any {
	value := map[string]any{}
	if r == nil {
		return value
	}
	for _, m := range r.Kinds {
		if len(m.Value) > 0 {
			value[m.Kind.Name()] = m.Value
		}
	}
	return value
}

// originsInput says who set each field, by kind and field.
func originsInput(r *effective.PathPolicies) map[string]any {
	kinds := map[string]any{}
	if r == nil {
		return kinds
	}
	for _, m := range r.Kinds {
		fields := map[string]any{}
		for _, o := range m.Origins {
			beat := make([]any, len(o.Beat))
			for i, b := range o.Beat {
				beat[i] = b.String()
			}
			field := map[string]any{
				"kind":      o.From.Kind,
				"namespace": o.From.Namespace,
				"name":      o.From.Name,
				"target":    o.Target.String(),
				"level":     o.Level.String(),
				"block":     o.Block.String(),
				"beat":      beat,
			}
			if !o.ClampedBy.IsZero() {
				field["clampedBy"] = o.ClampedBy.String()
			}
			fields[o.Field] = field
		}
		if len(fields) > 0 {
			kinds[m.Kind.Name()] = fields
		}
	}
	return kinds
}
