package export

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export/field"
)

// Exporter projects effective policies onto one kind of data plane.
type Exporter interface {
	// Name is the exporter's name in the registry.
	Name() string
	// Project computes what is written for one route, and what becomes of every value. It is a pure
	// function.
	Project(in Input) Projection
}

// Projection is what an exporter makes of a route.
type Projection struct {
	// Objects are the objects that are to exist, sorted by group, kind and name. They share parts with
	// those of other routes and must not be changed.
	Objects []*unstructured.Unstructured
	// Rules are the injections into the route's rules, sorted by index; nil if there are none.
	Rules []RuleInjection
	// Outcomes has a list for each of Input.Paths, with one entry for each field that has a value,
	// sorted by policy and field. Paths with the same outcomes share one list, so a list must not be
	// changed.
	Outcomes [][]Outcome
	// keys are those of the objects, in the same order.
	keys []ObjectKey
	// targets are what the objects are for, in the same order; nil if the exporter did not make them
	// for this route.
	targets []Target
}

// Object returns the object with a key, nil if there is none.
func (p *Projection) Object(key ObjectKey) *unstructured.Unstructured {
	if i := slices.Index(p.keys, key); i >= 0 {
		return p.Objects[i]
	}
	return nil
}

// Key returns the key of one of Objects.
func (p *Projection) Key(object int) ObjectKey { return p.keys[object] }

// Written is an object with what it is for.
type Written struct {
	*unstructured.Unstructured
	For Target
}

// NewProjection returns the projection that writes some objects, in any order.
func NewProjection(written []Written, rules []RuleInjection, outcomes [][]Outcome) Projection {
	p := Projection{Rules: rules, Outcomes: outcomes}
	slices.SortFunc(written, func(a, b Written) int {
		return cmp.Or(strings.Compare(a.For.Kind.Group, b.For.Kind.Group), strings.Compare(a.For.Kind.Kind, b.For.Kind.Kind),
			strings.Compare(a.GetName(), b.GetName()))
	})
	for _, w := range written {
		p.Objects, p.keys, p.targets = append(p.Objects, w.Unstructured), append(p.keys, w.For.Key()), append(p.targets, w.For)
	}
	return p
}

// Outcome says whether one field is in force on one path.
type Outcome struct {
	Field   field.Field
	Verdict Verdict
	// Reason and Message are empty if the verdict is Projected.
	Reason  Reason
	Message string
	// As is where the value stands: a JSON path in Object or in the route, or Absent.
	As    string
	Value any
	// Object is the key of the object in which the value stands, empty for the route.
	Object ObjectKey
	Notes  []string
}

// InRoute reports whether the value stands in the route itself.
func (o Outcome) InRoute() bool {
	return strings.HasPrefix(o.As, inRules)
}

// Absent is As if leaving the setting out has the effect that is asked for.
const Absent = "(absent)"

// inRules is how As begins if the value stands in the route.
const inRules = "rules["

// RuleInjection is what is put into one rule of the route.
type RuleInjection struct {
	Rule int
	// Leaves are the new values in timeouts and retry; nil removes the leaf.
	Leaves map[string]any
	// First and Last are the names of Middlewares to put before and after the owner's filters.
	First, Last []string
}

// The leaves of a rule that are written into routes.
const (
	RequestLeaf  = "timeouts.request"
	BackendLeaf  = "timeouts.backendRequest"
	AttemptsLeaf = "retry.attempts"
	CodesLeaf    = "retry.codes"
	BackoffLeaf  = "retry.backoff"
)
