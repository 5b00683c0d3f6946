package export

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
)

// Input is all that an exporter looks at for one route.
type Input struct {
	Route hierarchy.Ref
	// UID and Version are for the owner reference; the UID is empty offline.
	UID, Version string
	// Rules are the route's rules in spec order; one for a route without rules.
	Rules []Rule
	// Paths are those whose GatewayClass this exporter serves.
	Paths []Path
	// Beside are the route's other paths: what is written into the route, they
	// may read too (E6.2).
	Beside []Path
	// Foreign are objects of the plane's API that are not ours and reach the
	// route, its rules, or what is above it.
	Foreign []Foreign
	// Held are our live objects by name (E2.3, E11.2); empty offline.
	Held map[string]*unstructured.Unstructured
	// Taken are names that are used by objects that are not ours.
	Taken map[string]bool
	// Fields are what the HTTPRoute CRD of the cluster has.
	Fields     StandardFields
	Parameters Parameters
	// ParametersDiffer names GatewayClasses that ask for different parameters
	// (E1.5); empty when they agree.
	ParametersDiffer string
	// ParentGenerations are those of the Gateways and ListenerSets of the paths.
	ParentGenerations map[string]int64
	// MissingCRD says that the kinds of the plane are not installed (E1.7).
	MissingCRD bool
}

// Rule is one rule of the route, as its owner wrote it.
type Rule struct {
	Name string
	// Inline are the owner's own words: timeouts and retry.
	Inline map[string]any
	// Matches and Filters count the entries of the lists; absent matches are
	// one.
	Matches, Filters int
	// Hash stands for the rule's matches: objects for a rule without a name of
	// its own are named by it (E8.3).
	Hash string
	// Answers says that the rule does not proxy: a redirect, or no backend.
	Answers bool
}

// Path is one way to a rule through a listener.
type Path struct {
	Gateway hierarchy.Ref
	// Listener is the Gateway or the ListenerSet with the listener's name.
	Listener hierarchy.Ref
	Class    string
	// Controller is the controllerName of the class.
	Controller string
	// Rule is the index in Input.Rules.
	Rule int
	// Hostnames counts those of the route that the listener serves; at least 1.
	Hostnames int
	// Sole says that no other route is bound to the Gateway.
	Sole bool
	// Consent says that the route may be written to for this class (E8.2).
	Consent   bool
	Effective *Effective
}

// where is the listener as messages name it: "infra/public http".
func (p *Path) where() string {
	return p.Listener.Object().Place() + " " + p.Listener.Section
}

// Effective is what applies on a path, as it is published.
type Effective struct {
	// Values are the effective values by policy name.
	Values map[string]map[string]any
	// Forced are the fields whose value is an override, a bound's, or clamped:
	// what nobody below may escape (12.E1).
	Forced map[Field]bool
	// Invalid are the policies whose merged values contradict each other, with
	// the reason.
	Invalid map[string]string
	// leaves are all values, sorted by policy and field, valid those of policies that are; nil until
	// Prepare.
	leaves []leaf
	valid  map[Field]any
}

// Prepare reads the values once, for all who look at them later. Nobody changes them after that.
func (e *Effective) Prepare() { e.leaves, e.valid = e.all(), e.validLeaves() }

// all are the values leaf by leaf, sorted by policy and field. Nobody changes the list.
func (e *Effective) all() []leaf {
	if e.leaves != nil {
		return e.leaves
	}
	return sortedLeaves(e.Values)
}

// validLeaves are those of policies whose values do not contradict each other. Nobody changes the
// map.
func (e *Effective) validLeaves() map[Field]any {
	if e.valid != nil {
		return e.valid
	}
	leaves := map[Field]any{}
	for _, l := range e.all() {
		if _, invalid := e.Invalid[l.Field.Policy]; !invalid {
			leaves[l.Field] = l.Value
		}
	}
	return leaves
}

// Foreign is an object of the plane's API that is not ours, at one of the
// places that it targets.
type Foreign struct {
	Object *unstructured.Unstructured
	// Target is the route, a rule of it, a listener, a ListenerSet or a Gateway.
	Target hierarchy.Ref
}

// name is the object as messages name it.
func (f *Foreign) name() string {
	return f.Object.GetKind() + " " + f.Object.GetNamespace() + "/" + f.Object.GetName()
}

// StandardFields is what the HTTPRoute CRD knows, read from its schema (12.S3).
type StandardFields struct {
	Timeouts bool
	Retry    bool
	// MinAttempts is the minimum of retry.attempts, DefaultAttempts its default,
	// 0 when it has none.
	MinAttempts, DefaultAttempts int64
	// FiltersMax is how many filters a rule may have.
	FiltersMax int
}

// Parameters are the settings of an exporter that change what is written (E1.4).
type Parameters struct {
	// Version is the version of the plane that tables speak of.
	Version string
	// RefuseHidden refuses to carry over what ours would hide (E11.3).
	RefuseHidden bool
}
