package guardrail

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// Kind is the kind of guardrails.
var Kind = schema.GroupKind{Group: policy.Group, Kind: "PolicyGuardrail"}

// Enforcement is what a guardrail does about a violation.
type Enforcement string

const (
	// Deny refuses an edit that would cause a new or worse violation, and keeps
	// it from being published.
	Deny Enforcement = "Deny"
	// Warn permits it with a warning.
	Warn Enforcement = "Warn"
	// Audit permits it silently and counts it in the guardrail's status.
	Audit Enforcement = "Audit"
)

// Guardrail is a compiled PolicyGuardrail.
type Guardrail struct {
	Name        string
	Enforcement Enforcement
	Match       Match
	Rules       []Rule
	// Exceptions are all exceptions of the guardrail, including those that are over.
	Exceptions []Exception
	// Withholds means that what an exception covered is withdrawn when it ends.
	Withholds bool
	// Broken is why the guardrail does not compile; such a guardrail checks nothing and is reported.
	Broken string
	// Digest identifies the content of a guardrail.
	Digest string

	// inForce are the exceptions that are in force, and ended those that are over;
	// see At.
	inForce, ended []*Exception
}

// Uses returns the variables that any of the rules reads.
func (g *Guardrail) Uses() Variables {
	var uses Variables
	for _, r := range g.Rules {
		uses |= r.Uses()
	}
	return uses
}

// TellsApart reports whether a guardrail reads variables that differ between paths, so that it has
// to be evaluated on each path.
func (g *Guardrail) TellsApart() bool { return g.Uses()&(Route|RouteRule|Listener|Outcomes) != 0 }

// Digest returns a short text for a set of guardrails: it changes whenever a guardrail is added,
// removed or changed.
func Digest(guardrails []*Guardrail) string {
	h := sha256.New()
	for _, g := range guardrails {
		fmt.Fprintf(h, "%s %s\n", g.Name, g.Digest)
	}
	return fmt.Sprintf("sha256:%x", h.Sum(nil)[:16])
}

// Match selects the paths that a guardrail checks. An empty list or a nil
// selector selects everything.
type Match struct {
	// PolicyKinds are names as results show them. A path is checked when one of
	// them changes on it, or when the path is new to the guardrail.
	PolicyKinds []string
	// RouteKinds are "HTTPRoute" for Gateway API's kinds, "Kind.group" elsewhere.
	RouteKinds []string
	// Namespace selects by the labels of the route's namespace.
	Namespace labels.Selector
	// Route and Gateway select by the labels of the objects.
	Route, Gateway labels.Selector
	// GatewayClasses are names.
	GatewayClasses []string
}

// All reports whether every path of every route is selected. PolicyKinds are ignored, because they
// concern changes.
func (m *Match) All() bool {
	return len(m.RouteKinds) == 0 && m.Namespace == nil && m.Route == nil && m.Gateway == nil && len(m.GatewayClasses) == 0
}

// SelectsRoute reports whether paths of a route can be selected at all.
func (m *Match) SelectsRoute(s *policy.Snapshot, route *hierarchy.Route) bool {
	meta := route.Meta()
	return OneOf(m.RouteKinds, hierarchy.KindName(meta.Ref.GroupKind)) &&
		selects(m.Route, meta.Labels) &&
		(m.Namespace == nil || selects(m.Namespace, s.Graph().NamespaceLabels(meta.Ref.Namespace)))
}

// SelectsListener reports whether paths through a listener are selected.
func (m *Match) SelectsListener(s *policy.Snapshot, l *hierarchy.Listener) bool {
	if !OneOf(m.GatewayClasses, l.Class.Name) {
		return false
	}
	if m.Gateway == nil {
		return true
	}
	gateway, ok := s.Graph().Get(l.Gateway)
	return ok && selects(m.Gateway, gateway.Meta().Labels)
}

// OneOf reports whether a list selects a name; an empty list selects every name.
func OneOf(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }

func selects(s labels.Selector, set map[string]string) bool {
	return s == nil || s.Matches(labels.Set(set))
}
