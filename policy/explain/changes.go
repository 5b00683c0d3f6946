package explain

import (
	"cmp"
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Changes is everything that changes.
type Changes struct {
	Changes []Change `json:"changes"`
	// Unbound are the routes that the change leaves without a listener.
	Unbound []Unbound `json:"unbound,omitempty"`
	// Kept are routes that keep their value, if that was requested.
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
	// Kind is the policy kind as people read it.
	Kind string `json:"-"`
}

// kindText returns a policy kind, by its name in results, with its group where that is needed.
func kindText(s *policy.Snapshot, name string) string {
	for _, k := range s.Kinds() {
		if k.Name() == name {
			return s.KindText(k)
		}
	}
	return name
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
	// ClampedByRef is ClampedBy as a reference.
	ClampedByRef *Object `json:"-"`

	// Place is the target as written in a sentence: listener https, rule pay.
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
		report.Changes = append(report.Changes, changeOf(after, c))
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

// labelsOf returns the labels of an object after the change, or else before it.
func labelsOf(before, after *policy.Snapshot, ref hierarchy.Ref) map[string]string {
	for _, s := range []*policy.Snapshot{after, before} {
		if object, ok := s.Graph().Get(ref); ok {
			return object.Meta().Labels
		}
	}
	return nil
}

func changeOf(s *policy.Snapshot, c effective.Change) Change {
	t := c.Target
	out := Change{
		Target: Object{Group: t.GroupKind.Group, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name},
		Rules:  c.Rules.Names(), Policy: c.Kind, Field: c.Path.String(),
		Before: sideOf(s, c.Before), After: sideOf(s, c.After),
		Ref: t, Kind: kindText(s, c.Kind),
	}
	for _, l := range c.Parents {
		out.Parents = append(out.Parents, NameOf(l))
	}
	return out
}

func sideOf(s *policy.Snapshot, o *effective.Origin) *Side {
	if o == nil {
		return nil
	}
	side := &Side{
		Value: o.Value, FromRef: objectOf(o.From), TargetRef: objectOf(o.Target),
		From: s.Text(o.From), Target: o.Target.String(), Level: o.Level.String(), Block: o.Block.String(),
		Place: placeOf(o.Target, o.Level),
	}
	if !o.ClampedBy.IsZero() {
		by := objectOf(o.ClampedBy)
		side.ClampedBy, side.ClampedByRef = s.Text(o.ClampedBy), &by
	}
	return side
}

// Group is a change that is the same on several routes or Gateways.
type Group struct {
	Policy string `json:"policy"`
	Field  string `json:"field"`
	// Before and After are null where the field is not set.
	Before any `json:"before"`
	After  any `json:"after"`
	// SetBy are the policies that set it afterwards, or that set it before if it is removed.
	SetBy []string `json:"setBy"`
	// Routes and Gateways count the objects with this change, Namespaces counts the routes in each
	// namespace.
	Routes     int              `json:"routes"`
	Gateways   int              `json:"gateways"`
	Namespaces []NamespaceCount `json:"namespaces,omitempty"`
	// Example is one of them.
	Example Object `json:"example"`
}

// NamespaceCount is a number of routes in a namespace.
type NamespaceCount struct {
	Namespace string `json:"namespace"`
	Routes    int    `json:"routes"`
}

// Groups groups equal changes, those of the most routes first.
func (c *Changes) Groups() []Group {
	groups, index, seen := []Group{}, map[string]int{}, map[string]bool{}
	for i := range c.Changes {
		change := &c.Changes[i]
		key := groupKey(change)
		at, known := index[key]
		if !known {
			at = len(groups)
			index[key] = at
			groups = append(groups, Group{
				Policy: change.Policy, Field: change.Field, Example: change.Target,
				Before: change.Before.value(), After: change.After.value(),
			})
		}
		groups[at].add(change, !seen[key+change.Ref.String()])
		seen[key+change.Ref.String()] = true
	}
	slices.SortStableFunc(groups, func(a, b Group) int {
		return cmp.Or(b.Routes-a.Routes, b.Gateways-a.Gateways, compareTexts(a.Policy, b.Policy, a.Field, b.Field))
	})
	return groups
}

func (s *Side) value() any {
	if s == nil {
		return nil
	}
	return s.Value
}

func groupKey(c *Change) string {
	key, _ := json.Marshal([]any{c.Policy, c.Field, c.Before.value(), c.After.value()}) // values came from JSON
	return string(key)
}

// add adds a change to the counts; isNew means that its target is not in the group yet.
func (g *Group) add(c *Change, isNew bool) {
	side := c.After
	if side == nil {
		side = c.Before
	}
	if by := side.From; !slices.Contains(g.SetBy, by) {
		g.SetBy = append(g.SetBy, by)
	}
	switch {
	case !isNew:
	case c.Ref.GroupKind == hierarchy.GatewayKind:
		g.Gateways++
	default:
		g.Routes++
		i := slices.IndexFunc(g.Namespaces, func(n NamespaceCount) bool { return n.Namespace == c.Ref.Namespace })
		if i < 0 {
			i = len(g.Namespaces)
			g.Namespaces = append(g.Namespaces, NamespaceCount{Namespace: c.Ref.Namespace})
		}
		g.Namespaces[i].Routes++
	}
}

// Where returns the counts in words: 998 routes (shop 600, payments 398) and 1 Gateway.
func (g *Group) Where() string {
	var namespaces []string
	for _, n := range g.Namespaces {
		namespaces = append(namespaces, n.Namespace+" "+itoa(n.Routes))
	}
	switch {
	case g.Routes == 0:
		return prose.Count(g.Gateways, "Gateway")
	case g.Gateways == 0:
		return prose.Count(g.Routes, "route") + " (" + prose.List(namespaces, 3) + ")"
	}
	return prose.Count(g.Routes, "route") + " (" + prose.List(namespaces, 3) + ") and " + prose.Count(g.Gateways, "Gateway")
}

// Kept is a route that keeps its value of a field that the change sets elsewhere.
type Kept struct {
	Route  Object `json:"route"`
	Policy string `json:"policy"`
	Field  string `json:"field"`
	Side   Side   `json:"value"`

	Ref hierarchy.Ref `json:"-"`
}

// KeptBy lists the routes among targets that keep their value of a field that changes on others;
// they are sorted.
func (c *Changes) KeptBy(after *policy.Snapshot, targets []hierarchy.Ref) []Kept {
	fields := map[[2]string]bool{}
	changed := map[[3]string]bool{}
	for _, change := range c.Changes {
		fields[[2]string{change.Policy, change.Field}] = true
		changed[[3]string{change.Policy, change.Field, change.Ref.String()}] = true
	}
	var kept []Kept
	for e := range effective.Resolve(after, targets...).All() {
		if !after.IsRoute(e.Target.GroupKind) {
			continue
		}
		said := map[string]bool{}
		for _, scope := range e.Scopes {
			for _, m := range scope.Result.Kinds {
				for i := range m.Origins {
					o := &m.Origins[i]
					name := m.Kind.Name()
					if !fields[[2]string{name, o.Path.String()}] || changed[[3]string{name, o.Path.String(), e.Target.String()}] {
						continue
					}
					side := sideOf(after, o)
					key, _ := json.Marshal([]any{name, o.Path.String(), side.Value, side.From})
					if !said[string(key)] {
						said[string(key)] = true
						kept = append(kept, Kept{Route: objectOf(e.Target), Policy: name, Field: o.Path.String(), Side: *side, Ref: e.Target})
					}
				}
			}
		}
	}
	return kept
}
