package view

import (
	"context"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/explain"
)

// Rows are a page of the table.
type Rows struct {
	// Total counts the routes that pass the filter, Paths their paths, All all
	// routes.
	Total  int   `json:"total"`
	Paths  int   `json:"paths"`
	All    int   `json:"all"`
	Offset int   `json:"offset"`
	Next   int   `json:"next,omitempty"`
	Rows   []row `json:"rows"`
}

// row is one route.
type row struct {
	ID        string         `json:"id"`
	Target    explain.Object `json:"target"`
	Hostnames []string       `json:"hostnames"`
	Rules     int            `json:"rules"`
	Findings  int            `json:"findings"`
	Bound     bool           `json:"bound"`
	Mixed     bool           `json:"mixed"`
	Scopes    []rowScope     `json:"scopes"`
	// Left counts the scopes for which there is no room.
	Left int `json:"left,omitempty"`
	// Published says that the row is read from an EffectivePolicy object.
	Published bool `json:"published,omitempty"`
	// Changes are what a trial changes.
	Changes []explain.Change `json:"changes,omitempty"`
}

// maxRow is the size of a row's scopes, and of its changes, so that several rows fit into
// an answer.
const maxRow = MaxAnswer / 8

// fit leaves out and counts what there is no room for: a route can have a different
// result on each of its thousand paths, and is in the table all the same.
func (r row) fit() row {
	all := len(r.Scopes)
	r.Scopes = Fit(r.Scopes, maxRow)
	r.Left = all - len(r.Scopes)
	if r.Changes != nil {
		r.Changes = Fit(r.Changes, maxRow)
	}
	return r
}

// rowScope is what applies on some of its paths.
type rowScope struct {
	Parents []explain.ListenerName `json:"parents"`
	Rules   []string               `json:"rules"`
	Paths   int                    `json:"paths"`
	Values  []Cell                 `json:"values"`
}

// Cell is one value, with who set it.
type Cell struct {
	Policy string         `json:"policy"`
	Field  string         `json:"field"`
	Value  any            `json:"value"`
	Level  string         `json:"level"`
	Block  string         `json:"block"`
	From   explain.Object `json:"from"`
	// Limited says that a bound or another field moved the value, Beat how many
	// other statements of it there are.
	Limited bool `json:"limited,omitempty"`
	Beat    int  `json:"beat,omitempty"`
}

// Routes answers the table: GET /api/v1/routes?FILTER&offset=&limit=.
func (v *View) Routes(ctx context.Context, p Parameters) (any, error) {
	f, err := v.Filter(p)
	if err != nil {
		return nil, err
	}
	if v.Published != nil {
		return v.publishedPage(f, p)
	}
	found, err := v.Matches(ctx, f)
	if err != nil {
		return nil, err
	}
	answer := Rows{Total: len(found), All: len(v.Items)}
	for i := range found {
		answer.Paths += found[i].Paths()
	}
	offset, err := p.offset()
	if err != nil {
		return nil, err
	}
	limit, err := p.limit()
	if err != nil {
		return nil, err
	}
	// Rows are made only for the routes that are asked for.
	answer.Offset = min(offset, len(found))
	list := make([]row, 0, limit)
	for _, m := range found[answer.Offset:min(answer.Offset+limit, len(found))] {
		list = append(list, v.row(m, f).fit())
	}
	answer.Rows = Fit(list, MaxAnswer-(16<<10))
	if next := answer.Offset + len(answer.Rows); next < len(found) && len(answer.Rows) > 0 {
		answer.Next = next
	}
	return answer, nil
}

// RulesIn are the rules of a route on the paths that pass.
func (m *Match) RulesIn() []string {
	var names []string
	for index, name := range m.Rules {
		passes := len(m.item.Scopes) == 0
		for i := range m.Scopes {
			passes = passes || m.Scopes[i].Rules.Has(index)
		}
		if passes {
			names = append(names, name)
		}
	}
	return names
}

// Paths counts those that pass.
func (m *Match) Paths() int {
	n := 0
	for i := range m.Scopes {
		n += pathsIn(&m.Scopes[i], m.Rules)
	}
	return n
}

func pathsIn(s *effective.Scope, rules []string) int {
	n := len(s.Rules.Rules)
	if s.Rules.All {
		n = max(1, len(rules))
	}
	return n * len(s.Parents)
}

func (v *View) row(m Match, f *Filter) row {
	out := row{
		ID: IDOf(m.Ref), Target: objectOf(m.Ref), Hostnames: slices.Clone(m.Route.Hostnames), Rules: len(m.Rules),
		Findings: m.Remarks, Bound: len(m.item.Scopes) > 0, Mixed: m.Mixed(), Scopes: []rowScope{}, Changes: v.Changes[m.Ref],
	}
	if out.Hostnames == nil {
		out.Hostnames = []string{}
	}
	for i := range m.Scopes {
		s := &m.Scopes[i]
		part := rowScope{Rules: s.Rules.Names(), Paths: pathsIn(s, m.Rules), Values: CellsOf(s.Result, f)}
		for _, l := range s.Parents {
			part.Parents = append(part.Parents, listenerName(l))
		}
		out.Scopes = append(out.Scopes, part)
	}
	return out
}

// CellsOf are the values of a result for the kind and the field that are asked for.
func CellsOf(r *effective.PathPolicies, f *Filter) []Cell {
	cells := []Cell{}
	for _, m := range r.Kinds {
		if f.kind != "" && !strings.EqualFold(m.Kind.Name(), f.kind) {
			continue
		}
		for i := range m.Origins {
			o := &m.Origins[i]
			if !f.field.Covers(o.Path) {
				continue
			}
			cells = append(cells, Cell{
				Policy: m.Kind.Name(), Field: o.Path.String(), Value: o.Value, Level: o.Level.String(), Block: o.Block.String(),
				From: objectOf(o.From), Limited: !o.ClampedBy.IsZero(), Beat: len(o.Beat),
			})
		}
	}
	return cells
}

// gatewayOf is a Gateway by namespace and name: platform/edge.
func gatewayOf(place string) hierarchy.Ref {
	namespace, name, _ := strings.Cut(place, "/")
	return hierarchy.GatewayRef(namespace, name)
}
