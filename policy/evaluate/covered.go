package evaluate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Covered is what an exception permits.
type Covered struct {
	Guardrail, Exception, Reason string
	Until                        time.Time
	// Target is the first route, Paths counts the paths and Targets the routes.
	Target         hierarchy.Ref
	Paths, Targets int
	Message        string

	hidden bool
	last   hierarchy.Ref
}

// String says it in one line.
func (c Covered) String() string {
	return fmt.Sprintf("exception %s of guardrail %s lets it pass until %s (%s): %s: %s",
		c.Exception, c.Guardrail, c.Until.Format(time.RFC3339), c.Reason, c.Target, c.Message)
}

// cover counts what an exception permits.
func (x *Evaluator) cover(g *guardrail.Guardrail, e *guardrail.Exception, p path, f guardrail.Finding) {
	key := g.Name + "/" + e.Name
	c := x.covered[key]
	if c == nil {
		c = &Covered{
			Guardrail: g.Name, Exception: e.Name, Reason: e.Reason, Until: e.Until,
			Target: p.target, Targets: 1, Message: f.Message, last: p.target, hidden: !x.MayRead.May(p.target.Namespace),
		}
		x.covered[key] = c
	}
	if c.last != p.target {
		c.last = p.target
		c.Targets++
	}
	c.Paths += p.count
}

// Covered lists what exceptions permit, sorted. What the reader may not be told about is left out.
func (x *Evaluator) Covered() []Covered {
	var list []Covered
	for _, c := range x.covered {
		if !c.hidden {
			list = append(list, *c)
		}
	}
	slices.SortFunc(list, func(a, b Covered) int {
		return cmp.Or(cmp.Compare(a.Guardrail, b.Guardrail), cmp.Compare(a.Exception, b.Exception))
	})
	return list
}
