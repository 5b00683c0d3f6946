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

// What becomes of published results when an exception that covered them ends.
const (
	keep     = "Keep"
	withhold = "Withhold"
)

// Exception lets something violate a guardrail until a time.
type Exception struct {
	Name   string
	Reason string
	Until  time.Time
	// Namespaces are those of routes. Routes are kind, namespace and name of
	// routes, Policies of those who set the value at fault. What is empty matches
	// everything; one of them at least is not.
	Namespaces       []string
	Routes, Policies []exempt
}

// exempt names an object by what people know of it.
type exempt struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// is never takes a kind of a stranger's group for ours or Gateway API's: people who
// leave the group out mean these two, and an exception must not cover more than was
// meant. Strangers' kinds name their group, apart or as in "Widget.example.com".
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

// ended says whether an exception is over: the clock is not before its end.
func (e *Exception) ended(now time.Time) bool { return !now.Before(e.Until) }

// EndsSoon says whether an exception is in force and ends within 14 days.
func (e *Exception) EndsSoon(now time.Time) bool {
	left := e.Until.Sub(now)
	return left > 0 && left <= endsSoon
}

// Objected is what a rule objected to on one path.
type Objected struct {
	Route   hierarchy.Ref
	Finding Finding
	// Effective is the path's effective policy, and Origin who set the value at
	// fault, nil when the finding names none.
	Effective *effective.PathPolicies
	Origin    *effective.Origin
}

// mayCover says whether an exception could cover anything on a route.
func (e *Exception) mayCover(route hierarchy.Ref) bool {
	return (len(e.Namespaces) == 0 || slices.Contains(e.Namespaces, route.Namespace)) && (len(e.Routes) == 0 || isAmong(e.Routes, route))
}

// covers says whether an objection to a path is excepted: the route fits, and the
// value at fault comes from one of the policies. Without a field any value of the
// kinds that the guardrail is about will do.
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

// Excepted is the exception in force that covers an objection, nil when none does.
func (g *Guardrail) Excepted(o Objected) *Exception {
	for _, e := range g.inForce {
		if e.covers(g, o) {
			return e
		}
	}
	return nil
}

// Ended is an exception that covered an objection until it ended, where the guardrail
// says that its end withholds; nil otherwise.
func (g *Guardrail) Ended(o Objected) *Exception {
	for _, e := range g.ended {
		if e.covers(g, o) {
			return e
		}
	}
	return nil
}

// AnyEnded says whether the end of an exception can take anything of a route back.
func AnyEnded(guardrails []*Guardrail, route hierarchy.Ref) bool {
	return slices.ContainsFunc(guardrails, func(g *Guardrail) bool {
		return slices.ContainsFunc(g.ended, func(e *Exception) bool { return e.mayCover(route) })
	})
}

// InForce are the exceptions that are in force, in the order of the guardrail.
func (g *Guardrail) InForce() []*Exception { return g.inForce }

// At returns guardrails with the exceptions that are in force at a time. One that
// was not made by At has none in force, whatever it says: who forgets the time
// excepts nothing.
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

// NextWithheld is NextEnd for guardrails that take back what an exception covered.
func NextWithheld(guardrails []*Guardrail, now time.Time) (end time.Time, any bool) {
	return NextEnd(slices.DeleteFunc(slices.Clone(guardrails), func(g *Guardrail) bool { return !g.Withholds }), now)
}

// NextEnd is when the next exception ends that is in force at a time.
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

// Timed is At for those who ask again and again: as long as the same exceptions of
// a guardrail are in force, it is the same pointer. The zero value is ready to use.
type Timed struct {
	mu   sync.Mutex
	last map[*Guardrail]*Guardrail
}

// At is the function At.
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

// maxExceptions is how many a guardrail may have.
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
