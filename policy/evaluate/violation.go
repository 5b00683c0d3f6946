package evaluate

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/merge"
)

// Violation is an objection of a guardrail, on all the paths on which it is
// the same.
type Violation struct {
	Guardrail   string
	Enforcement guardrail.Enforcement
	Message     string
	FieldPath   string
	Code        string
	// Target, Listener and Rule are the first path.
	Target   hierarchy.Ref
	Listener *hierarchy.Listener
	Rule     hierarchy.RuleRef
	// Origin is who set the value at FieldPath, nil when FieldPath leads to none.
	Origin *effective.Origin
	// Paths counts the paths, Targets the routes.
	Paths, Targets int
	// Stood is set when the same objection stood before, to another value.
	Stood bool
	// Failed is set when the rule could not be evaluated.
	Failed bool
	// Hidden violations are those in namespaces that the author of the edit may
	// not read: of them there is no more than the guardrail, the field and counts.
	Hidden bool
	// Ended is the exception that let it pass until it ended, where that takes back
	// what is published.
	Ended *guardrail.Exception

	last hierarchy.Ref
}

// Where is the first path as people read it.
func (v Violation) Where() string {
	where := v.Target.String()
	switch {
	case v.Rule.IsNone():
	case v.Rule.Name == "":
		where += " " + v.Rule.String()
	default:
		where += " rule " + v.Rule.Name
	}
	if v.Listener != nil {
		where += " on " + v.Listener.Gateway.Place() + "#" + v.Listener.Ref.Section
	}
	return where
}

// Set says who set the offending value and where: "TimeoutPolicy infra/edge
// (override at GatewayClass edge)"; empty when it is not known.
func (v Violation) Set() string {
	if v.Origin == nil {
		return ""
	}
	return v.setBy(nil)
}

func (v Violation) setBy(r policy.Reader) string {
	o := v.Origin
	if !r.May(o.From.Namespace) {
		return fmt.Sprintf("%s (%s at %s)", r.Name(o.From), o.Block, o.Level)
	}
	return fmt.Sprintf("%s (%s at %s %s)", o.From, o.Block, o.Level, o.Target.Place())
}

// String is one line about the violation: path, message, value, author.
func (v Violation) String() string { return v.Told(nil) }

// Told is String for a reader. Of what is in a namespace that they may not be told
// of there is no more than a count: even a message can tell too much, for rules
// put values into it.
func (v Violation) Told(r policy.Reader) string {
	var b strings.Builder
	if v.Hidden || !r.May(v.Target.Namespace) {
		fmt.Fprintf(&b, "%s in namespaces that you may not read", prose.Count(v.Targets, "route"))
		if v.FieldPath != "" {
			fmt.Fprintf(&b, " [%s]", v.FieldPath)
		}
		return b.String()
	}
	b.WriteString(v.Where())
	if v.Targets > 1 {
		fmt.Fprintf(&b, " and %s", prose.Count(v.Targets-1, "more route"))
	}
	fmt.Fprintf(&b, ": %s", v.Message)
	switch {
	case v.Origin == nil:
	case v.Origin.Block == merge.Inline && r.May(v.Origin.From.Namespace):
		fmt.Fprintf(&b, " [%s is %v, written in %s]", v.FieldPath, v.Origin.Value, inRule(*v.Origin))
	default:
		fmt.Fprintf(&b, " [%s is %v, set by %s]", v.FieldPath, v.Origin.Value, v.setBy(r))
	}
	return b.String()
}

// inRule is where a route states a value itself: "rule pay of HTTPRoute shop/checkout".
func inRule(o effective.Origin) string {
	section := o.Target.Section
	if section == "" {
		return o.From.String()
	}
	return hierarchy.RuleOf(section).Text() + " of " + o.From.String()
}

// Compare orders violations by guardrail, path and objection, as all output does.
func Compare(a, b Violation) int {
	return cmp.Or(
		strings.Compare(a.Guardrail, b.Guardrail),
		hierarchy.Compare(a.Target, b.Target),
		strings.Compare(a.Rule.String(), b.Rule.String()),
		strings.Compare(a.Code, b.Code),
		strings.Compare(a.FieldPath, b.FieldPath),
		strings.Compare(a.Message, b.Message),
		strings.Compare(string(a.Enforcement), string(b.Enforcement)),
		strings.Compare(a.Set(), b.Set()),
	)
}
