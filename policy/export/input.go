package export

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export/field"
)

// Input is everything that an exporter looks at for one route.
type Input struct {
	Route hierarchy.Ref
	// UID and Version are those of the owner reference. The UID is empty offline.
	UID, Version string
	// Rules are the route's rules in spec order. A route without rules has one here.
	Rules []Rule
	// Paths are those whose GatewayClass the exporter serves.
	Paths []Path
	// Beside are the other paths of the route. Their data planes may also read what is written into
	// the route (E6.2).
	Beside []Path
	// Foreign are objects of the plane's API that are not ours and apply to the route, its rules, or
	// the Gateways and listeners above it.
	Foreign []Foreign
	// Held are our live objects by name (E2.3, E11.2); empty offline.
	Held map[string]*unstructured.Unstructured
	// Taken are the names that foreign objects use.
	Taken map[string]bool
	// Fields are the standard fields that the HTTPRoute CRD of the cluster has.
	Fields     StandardFields
	Parameters Parameters
	// ParametersDiffer names GatewayClasses that ask for different parameters
	// (E1.5); empty when they agree.
	ParametersDiffer string
	// ParentGenerations are the generations of the Gateways and ListenerSets of the paths.
	ParentGenerations map[string]int64
	// MissingCRD is true if the kinds of the plane are not installed (E1.7).
	MissingCRD bool
}

// Rule is one rule of the route, as its owner wrote it.
type Rule struct {
	Name string
	// Inline has what the owner states: timeouts and retry.
	Inline map[string]any
	// Matches and Filters count the entries of the lists. Absent matches count as one.
	Matches, Filters int
	// Hash is a hash of the rule's matches. It names the objects of a rule without a name of its own
	// (E8.3).
	Hash string
	// Answers is true if the rule does not proxy: it redirects, or has no backend.
	Answers bool
}

// Path is one way to a rule through a listener.
type Path struct {
	// Listener is one of a Gateway or a ListenerSet.
	Listener *hierarchy.Listener
	// Controller is the controllerName of the class.
	Controller string
	// Rule is the index in Input.Rules.
	Rule int
	// Hostnames counts the hostnames of the route that the listener serves, and is at least 1.
	Hostnames int
	// Sole is true if no other route is bound to the Gateway.
	Sole bool
	// Consent is true if the route may be written to for this class (E8.2).
	Consent   bool
	Effective *Effective
}

// Where is the listener as messages name it: "infra/public http".
func (p *Path) Where() string {
	return p.Listener.Ref.Object().Place() + " " + p.Listener.Ref.Section
}

// Effective is what applies on a path, as it is published.
type Effective struct {
	// Values are the effective values by policy name.
	Values map[string]map[string]any
	// Forced are the fields whose value nobody below may change: an override, a bound, or a value
	// that was clamped (12.E1).
	Forced map[field.Field]bool
	// Invalid has the policies whose merged values contradict each other, with the reason.
	Invalid map[string]string
	// leaves are all values, sorted by policy and field; valid are those of valid policies. Both are
	// nil until Prepare.
	leaves []field.Leaf
	valid  map[field.Field]any
}

// Sort reads the leaves once, for what compares values.
func (e *Effective) Sort() { e.leaves = e.Leaves() }

// Prepare reads the values once, for everybody who looks at them later. They must not be changed after
// that.
func (e *Effective) Prepare() { e.leaves, e.valid = e.Leaves(), e.Valid() }

// Leaves returns the values leaf by leaf, sorted by policy and field. The list must not be changed.
func (e *Effective) Leaves() []field.Leaf {
	if e.leaves != nil {
		return e.leaves
	}
	return field.SortedLeaves(e.Values)
}

// Valid returns the values of the policies that are valid. The map must not be changed.
func (e *Effective) Valid() map[field.Field]any {
	if e.valid != nil {
		return e.valid
	}
	leaves := make(map[field.Field]any, len(e.Leaves()))
	for _, l := range e.Leaves() {
		if _, invalid := e.Invalid[l.Field.Policy]; !invalid {
			leaves[l.Field] = l.Value
		}
	}
	return leaves
}

// Foreign is an object of the plane's API that is not ours, with one of its targets.
type Foreign struct {
	Object *unstructured.Unstructured
	// Target is the route, a rule of it, a listener, a ListenerSet or a Gateway.
	Target hierarchy.Ref
}

// String is the object as messages name it.
func (f *Foreign) String() string {
	return f.Object.GetKind() + " " + f.Object.GetNamespace() + "/" + f.Object.GetName()
}

// StandardFields are the fields that the HTTPRoute CRD has, read from its schema (12.S3).
type StandardFields struct {
	Timeouts bool
	Retry    bool
	// MinAttempts is the minimum of retry.attempts. DefaultAttempts is its default, 0 if it has none.
	MinAttempts, DefaultAttempts int64
	// FiltersMax is how many filters a rule may have.
	FiltersMax int
}

// Parameters are the settings of an exporter that change what is written (E1.4).
type Parameters struct {
	// Version is the version of the data plane.
	Version string
	// RefuseHidden is true if a foreign policy that ours would hide is not to be carried over (E11.3).
	RefuseHidden bool
}
