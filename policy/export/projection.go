package export

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Exporter projects effective policies onto one kind of data plane.
type Exporter interface {
	// Name is the exporter's name in the registry.
	Name() string
	// Project is the pure function from what applies to what is written.
	Project(in Input) Projection
}

// Projection is what an exporter makes of a route.
type Projection struct {
	// Objects are to exist, sorted by group, kind and name.
	Objects []*unstructured.Unstructured
	// Rules are what the route's rules are to say, sorted by index; nil when
	// nothing is injected.
	Rules []RuleInjection
	// Outcomes has a list for each of Input.Paths, with one entry for each field
	// with a value, sorted by policy and field. Paths with the same outcomes
	// share one list; nobody changes it.
	Outcomes [][]Outcome
}

// Outcome is what became of one field on one path.
type Outcome struct {
	Field   Field
	Verdict Verdict
	// Reason and Message are empty when Projected.
	Reason  Reason
	Message string
	// As is where the value stands: a JSON path in Object, or in the route, or
	// "(absent)" where absence says it.
	As    string
	Value any
	// Object is the name of the object that says it, empty for the route.
	Object string
	Notes  []string
}

// InRoute says whether a field stands in the route itself.
func (o Outcome) InRoute() bool {
	return strings.HasPrefix(o.As, inRules)
}

// Absent is As where absence says it.
const Absent = "(absent)"

// inRules begins As where the value stands in the route.
const inRules = "rules["

// RuleInjection is what is put into one rule of the route.
type RuleInjection struct {
	Rule int
	// Leaves are what timeouts and retry are to say; nil takes the leaf out.
	Leaves map[string]any
	// First and Last are names of Middlewares to put before and after the
	// owner's filters.
	First, Last []string
}

// The leaves of a rule that are written into routes.
const (
	leafRequest  = "timeouts.request"
	leafBackend  = "timeouts.backendRequest"
	leafAttempts = "retry.attempts"
	leafCodes    = "retry.codes"
	leafBackoff  = "retry.backoff"
)
