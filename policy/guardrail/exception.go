package guardrail

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// endsSoon is how long before its end an exception is warned about.
const endsSoon = 14 * 24 * time.Hour

// What happens to published results when an exception that covered them ends.
const (
	keep     = "Keep"
	withhold = "Withhold"
)

// Exception permits violations of a guardrail until a point in time.
type Exception struct {
	Name   string
	Reason string
	Until  time.Time
	// Namespaces are namespaces of routes. Routes are the kind, namespace and name of routes;
	// Policies are those of the policies that set the offending value. An empty list matches
	// everything; at least one is not empty.
	Namespaces       []string
	Routes, Policies []exempt
}

// exempt names an object as users do.
type exempt struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// is never matches a kind of another group when the group is left out, which means our group or
// Gateway API's: an exception must not cover more than intended. Kinds of other groups have to be
// written with their group, separately or as in "Widget.example.com".
func (e exempt) is(ref hierarchy.Ref) bool {
	if e.Namespace != ref.Namespace || e.Name != ref.Name {
		return false
	}
	kind, group := e.Kind, e.Group
	if group == "" {
		kind, group, _ = strings.Cut(e.Kind, ".")
	}
	if kind != ref.Kind {
		return false
	}
	if group == "" {
		return ref.GroupKind.Group == hierarchy.Group || ref.GroupKind.Group == policy.Group
	}
	return group == ref.GroupKind.Group
}

func isAmong(list []exempt, ref hierarchy.Ref) bool {
	return slices.ContainsFunc(list, func(e exempt) bool { return e.is(ref) })
}

// ended reports whether an exception is over: the time is not before its end.
func (e *Exception) ended(now time.Time) bool { return !now.Before(e.Until) }

// EndsSoon reports whether an exception is in force and ends within 14 days.
func (e *Exception) EndsSoon(now time.Time) bool {
	left := e.Until.Sub(now)
	return left > 0 && left <= endsSoon
}

// Objected is an objection of a rule on one path.
type Objected struct {
	Route   hierarchy.Ref
	Finding Finding
	// Effective is the path's effective policy; Origin is the origin of the offending value, nil
	// when the finding names none.
	Effective *effective.PathPolicies
	Origin    *effective.Origin
}

// mayCover reports whether an exception could cover anything on a route.
func (e *Exception) mayCover(route hierarchy.Ref) bool {
	return (len(e.Namespaces) == 0 || slices.Contains(e.Namespaces, route.Namespace)) && (len(e.Routes) == 0 || isAmong(e.Routes, route))
}

// covers reports whether an objection on a path is excepted: the route matches, and the offending
// value comes from one of the policies. If the finding has no field, any value of the guardrail's
// policy kinds may come from them.
func (e *Exception) covers(g *Guardrail, o Objected) bool {
	if !e.mayCover(o.Route) {
		return false
	}
	switch {
	case len(e.Policies) == 0:
		return true
	case o.Finding.FieldPath != "":
		return o.Origin != nil && isAmong(e.Policies, o.Origin.From)
	}
	for _, m := range o.Effective.Kinds {
		if !OneOf(g.Match.PolicyKinds, m.Kind.Name()) {
			continue
		}
		if slices.ContainsFunc(m.Origins, func(set effective.Origin) bool { return isAmong(e.Policies, set.From) }) {
			return true
		}
	}
	return false
}

// Excepted returns the exception in force that covers an objection, nil when none does.
func (g *Guardrail) Excepted(o Objected) *Exception {
	for _, e := range g.inForce {
		if e.covers(g, o) {
			return e
		}
	}
	return nil
}

// Ended returns an exception that covered an objection until it ended, if the guardrail withholds
// results then; nil otherwise.
func (g *Guardrail) Ended(o Objected) *Exception {
	for _, e := range g.ended {
		if e.covers(g, o) {
			return e
		}
	}
	return nil
}

// AnyEnded reports whether the end of an exception can withdraw results of a route.
func AnyEnded(guardrails []*Guardrail, route hierarchy.Ref) bool {
	return slices.ContainsFunc(guardrails, func(g *Guardrail) bool {
		return slices.ContainsFunc(g.ended, func(e *Exception) bool { return e.mayCover(route) })
	})
}

// InForce returns the exceptions that are in force, in the order of the guardrail.
func (g *Guardrail) InForce() []*Exception { return g.inForce }

// At returns guardrails with the exceptions that are in force at a time. A guardrail that does not
// come from At has none in force: a caller that forgets the time excepts nothing.
func At(guardrails []*Guardrail, now time.Time) []*Guardrail {
	list := make([]*Guardrail, len(guardrails))
	for i, g := range guardrails {
		list[i] = g.at(now)
	}
	return list
}

func (g *Guardrail) at(now time.Time) *Guardrail {
	if len(g.Exceptions) == 0 {
		return g
	}
	timed := *g
	timed.inForce, timed.ended = nil, nil
	for i := range g.Exceptions {
		switch e := &g.Exceptions[i]; {
		case !e.ended(now):
			timed.inForce = append(timed.inForce, e)
		case g.Withholds && g.Enforcement == Deny:
			timed.ended = append(timed.ended, e)
		}
	}
	return &timed
}

// NextWithheld is like NextEnd, for guardrails that withdraw what an exception covered.
func NextWithheld(guardrails []*Guardrail, now time.Time) (end time.Time, any bool) {
	return NextEnd(slices.DeleteFunc(slices.Clone(guardrails), func(g *Guardrail) bool { return !g.Withholds }), now)
}

// NextEnd returns when the next exception ends of those in force at a point in time.
func NextEnd(guardrails []*Guardrail, now time.Time) (end time.Time, any bool) {
	for _, g := range guardrails {
		for i := range g.Exceptions {
			if e := &g.Exceptions[i]; !e.ended(now) && (!any || e.Until.Before(end)) {
				end, any = e.Until, true
			}
		}
	}
	return end, any
}

// Timed is At for repeated calls: as long as the same exceptions of a guardrail are in force, the
// pointer is the same. The zero value is ready to use.
type Timed struct {
	mu   sync.Mutex
	last map[*Guardrail]*Guardrail
}

// At is like the function At.
func (t *Timed) At(guardrails []*Guardrail, now time.Time) []*Guardrail {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := make(map[*Guardrail]*Guardrail, len(guardrails))
	list := make([]*Guardrail, len(guardrails))
	for i, g := range guardrails {
		timed := g.at(now)
		if last := t.last[g]; last != nil && slices.Equal(last.inForce, timed.inForce) {
			timed = last
		}
		next[g], list[i] = timed, timed
	}
	t.last = next
	return list
}

// readException reads one entry of spec.exceptions.
type readException struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
	Until  string `json:"until"`
	Match  struct {
		Namespaces []string `json:"namespaces"`
		Routes     []exempt `json:"routes"`
		Policies   []exempt `json:"policies"`
	} `json:"match"`
}

// maxExceptions is the maximum number of exceptions of a guardrail.
const maxExceptions = 64

func readExceptions(list []readException) ([]Exception, []Problem) {
	var exceptions []Exception
	var problems []Problem
	if len(list) > maxExceptions {
		problems = append(problems, Problem{Field: "spec.exceptions", Message: fmt.Sprintf("there are %d exceptions: at most %d", len(list), maxExceptions)})
	}
	names := map[string]bool{}
	for i, r := range list {
		field := fmt.Sprintf("spec.exceptions[%d]", i)
		wrong := func(part, format string, args ...any) {
			problems = append(problems, Problem{Field: field + part, Message: fmt.Sprintf(format, args...)})
		}
		until, err := time.Parse(time.RFC3339, r.Until)
		switch {
		case err != nil:
			wrong(".until", "%q is not a time: write one such as 2027-01-31T00:00:00Z", r.Until)
		case r.Name == "":
			wrong(".name", "the exception has no name: give it one")
		case names[r.Name]:
			wrong(".name", "two exceptions are named %q: give each its own name", r.Name)
		case r.Reason == "":
			wrong(".reason", "say why there is an exception")
		case len(r.Match.Namespaces)+len(r.Match.Routes)+len(r.Match.Policies) == 0:
			wrong(".match", "an exception must not cover everything: name namespaces, routes or policies")
		default:
			exceptions = append(exceptions, Exception{
				Name: r.Name, Reason: r.Reason, Until: until,
				Namespaces: r.Match.Namespaces, Routes: r.Match.Routes, Policies: r.Match.Policies,
			})
		}
		names[r.Name] = true
	}
	return exceptions, problems
}
