package explain

import (
	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Changes is all that changes.
type Changes struct {
	Changes []Change `json:"changes"`
	// Unbound are the routes that the change leaves without a listener.
	Unbound []Unbound `json:"unbound,omitempty"`
	// Kept are routes that keep their value, where that was asked for.
	Kept   []Kept `json:"kept,omitempty"`
	Totals Totals `json:"totals"`
}

// Change is one field that changes in the same way on some paths of a route
// or a Gateway.
type Change struct {
	Target  Object         `json:"target"`
	Parents []ListenerName `json:"parents"`
	Rules   []string       `json:"rules"`
	Policy  string         `json:"policy"`
	Field   string         `json:"field"`
	// Before and After are null where the field is not set.
	Before *Side `json:"before"`
	After  *Side `json:"after"`

	Ref hierarchy.Ref `json:"-"`
}

// Side is a value and who set it.
type Side struct {
	Value     any    `json:"value"`
	From      string `json:"from"`
	Target    string `json:"target"`
	Level     string `json:"level"`
	Block     string `json:"block"`
	ClampedBy string `json:"clampedBy,omitempty"`
	// FromRef and TargetRef are the same as references.
	FromRef   Object `json:"fromRef"`
	TargetRef Object `json:"targetRef"`

	// Place is the target in a sentence: listener https, rule pay.
	Place string `json:"-"`
}

// Totals count the objects on which something changes. Namespaces are
// those of the routes.
type Totals struct {
	Routes     int `json:"routes"`
	Gateways   int `json:"gateways"`
	Namespaces int `json:"namespaces"`
	Fields     int `json:"fields"`
}

// ChangesOf reports differences between two worlds, those of the routes and
// Gateways with certain labels.
func ChangesOf(before, after *policy.Snapshot, changes []effective.Change, chosen labels.Selector) Changes {
	report := Changes{Changes: []Change{}}
	namespaces := map[string]bool{}
	var last hierarchy.Ref
	for _, c := range changes {
		if !chosen.Matches(labels.Set(labelsOf(before, after, c.Target))) {
			continue
		}
		report.Changes = append(report.Changes, changeOf(c))
		report.Totals.Fields++
		switch {
		case c.Target == last:
		case before.IsRoute(c.Target.GroupKind) || after.IsRoute(c.Target.GroupKind):
			report.Totals.Routes++
			namespaces[c.Target.Namespace] = true
		default:
			report.Totals.Gateways++
		}
		last = c.Target
	}
	report.Totals.Namespaces = len(namespaces)
	for _, u := range UnboundRoutes(before, after, func(hierarchy.Ref) bool { return false }) {
		if chosen.Matches(labels.Set(labelsOf(before, after, u.Ref))) {
			report.Unbound = append(report.Unbound, u)
		}
	}
	return report
}

// labelsOf are those that an object has after the change, or had before it.
func labelsOf(before, after *policy.Snapshot, ref hierarchy.Ref) map[string]string {
	for _, s := range []*policy.Snapshot{after, before} {
		if object, ok := s.Graph().Get(ref); ok {
			return object.Meta().Labels
		}
	}
	return nil
}

func changeOf(c effective.Change) Change {
	t := c.Target
	out := Change{
		Target: Object{Group: t.GroupKind.Group, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name},
		Rules:  c.Rules, Policy: c.Kind, Field: c.Field,
		Before: sideOf(c.Before), After: sideOf(c.After),
		Ref: t,
	}
	for _, l := range c.Parents {
		out.Parents = append(out.Parents, nameOf(l))
	}
	return out
}

func sideOf(o *effective.Origin) *Side {
	if o == nil {
		return nil
	}
	side := &Side{
		Value: o.Value, FromRef: objectOf(o.From), TargetRef: objectOf(o.Target),
		From: o.From.String(), Target: o.Target.String(), Level: o.Level.String(), Block: o.Block.String(),
		Place: placeOf(o.Target, o.Level),
	}
	if !o.ClampedBy.IsZero() {
		side.ClampedBy = o.ClampedBy.String()
	}
	return side
}
