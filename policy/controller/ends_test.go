package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// theEnd is when the exceptions of these tests end.
var theEnd = time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)

// excepting is the guardrail of a second with an exception for a namespace.
func excepting(namespace string, withholds bool) *guardrail.Guardrail {
	g := short()[0]
	g.Withholds = withholds
	g.Exceptions = []guardrail.Exception{{Name: "migration", Reason: "it takes until then", Until: theEnd, Namespaces: []string{namespace}}}
	return g
}

// covered is a route with a value that an exception covers, and what is published of it.
type covered struct {
	t          *testing.T
	memory     *memory
	snapshot   *policy.Snapshot
	clock      time.Time
	guardrails []*guardrail.Guardrail
	c          *Controller
}

func newCovered(t *testing.T, g *guardrail.Guardrail) *covered {
	s := &covered{t: t, memory: newMemory(), clock: theEnd.Add(-time.Hour), guardrails: []*guardrail.Guardrail{g}}
	s.snapshot, _ = policy.NewSnapshot(policy.Options{}).With(object(timeoutCRD))
	s.put("{" + gatewayAPI + "Gateway, metadata: {name: g, namespace: one}, spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}]}}")
	s.put("{" + gatewayAPI + "HTTPRoute, metadata: {name: r, namespace: one, uid: r}, spec: {parentRefs: [{name: g}], rules: [{}]}}")
	s.timeout("above", "kind: Gateway, name: g", "request: 1s, idle: 5s")
	s.timeout("own", "kind: HTTPRoute, name: r", "request: 2s")
	s.restart()
	return s
}

func (s *covered) put(text string) refs {
	u := object(text)
	s.memory.objects[hierarchy.RefOf(u)] = u
	s.snapshot, _ = s.snapshot.With(u)
	return refs{hierarchy.RefOf(u): {}}
}

func (s *covered) timeout(name, target, values string) refs {
	return s.put("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: " + name + ", namespace: one}, spec: {strategy: Patch, " +
		"targetRef: {group: gateway.networking.k8s.io, " + target + "}, default: {" + values + "}}}")
}

// restart starts a controller that knows what is published alone.
func (s *covered) restart() {
	timed := &guardrail.Timed{}
	guardrails := func() []*guardrail.Guardrail { return timed.At(s.guardrails, s.clock) }
	s.c = &Controller{live: s.memory, planner: status.Planner{Now: func() time.Time { return s.clock }}, state: newState(guardrails), enforcer: newEnforcer(Enforcement{})}
	s.c.carryOut(s.memory, s.c.state.begin(s.t.Context(), s.snapshot, s.memory.existing(), s.memory))
}

// pass is one pass of the controller after a change, or because an exception ended.
func (s *covered) pass(changed refs) {
	dirty, _ := s.c.state.settle(s.t.Context(), s.snapshot, changed, refs{}, false)
	s.c.carryOut(s.memory, dirty)
}

// says checks what is published of the route, and the condition that goes with it.
func (s *covered) says(want, condition string) {
	s.t.Helper()
	u := s.memory.effective[hierarchy.NewRef(policy.Group, publish.Kind, "one", "httproute.r")]
	got := "nothing"
	if scopes, _, _ := unstructured.NestedSlice(u.Object, "status", "scopes"); len(scopes) > 0 {
		got = fmt.Sprint(scopes[0].(map[string]any)["effective"].(map[string]any)["TimeoutPolicy"])
	}
	if got != want {
		s.t.Errorf("published is %s, want %s", got, want)
	}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	if text := fmt.Sprint(conditions); !strings.Contains(text, condition) {
		s.t.Errorf("the conditions are %s, want %q", text, condition)
	}
	if annotation := s.memory.annotations[hierarchy.RefOf(s.route())]; strings.Contains(annotation, `"request":"2s"`) != strings.Contains(want, "request:2s") {
		s.t.Errorf("published is %s, and the annotation says %s", want, annotation)
	}
}

func (s *covered) route() *unstructured.Unstructured {
	return s.memory.objects[hierarchy.NewRef(hierarchy.Group, "HTTPRoute", "one", "r")]
}

const (
	slowResult  = "map[idle:5s request:2s]"
	aboveResult = "map[idle:5s request:1s]"
	endedReason = "its exception migration ended 2027-02-01T00:00:00Z"
)

func TestTheEndOfAnExceptionWithholds(t *testing.T) {
	s := newCovered(t, excepting("one", true))
	s.says(slowResult, "reason:Published")
	s.clock = theEnd
	s.pass(refs{})
	s.says(aboveResult, endedReason)
	s.restart()
	s.says(aboveResult, endedReason)
	// What else is edited does not bring it back.
	s.pass(s.timeout("own", "kind: HTTPRoute, name: r", "request: 2s, connect: 1s"))
	s.says(aboveResult, endedReason)
	// A longer exception does, and so does a better value.
	longer := excepting("one", true)
	longer.Exceptions[0].Until = theEnd.Add(time.Hour)
	s.guardrails = []*guardrail.Guardrail{longer}
	s.pass(refs{})
	s.says("map[connect:1s idle:5s request:2s]", "reason:Published")
	s.clock = theEnd.Add(time.Hour)
	s.pass(refs{})
	s.says(aboveResult, "its exception migration ended 2027-02-01T01:00:00Z")
	s.pass(s.timeout("own", "kind: HTTPRoute, name: r", "request: 500ms"))
	s.says("map[idle:5s request:500ms]", "reason:Published")
}

// A controller that was not there when the exception ended takes back what it finds.
func TestTheEndOfAnExceptionIsNotMissed(t *testing.T) {
	s := newCovered(t, excepting("one", true))
	s.clock = theEnd.Add(24 * time.Hour)
	s.restart()
	s.says(aboveResult, endedReason)
}

// Where what policies above the route give is not permitted either, nothing is published.
func TestTheEndOfAnExceptionLeavesNothing(t *testing.T) {
	s := newCovered(t, excepting("one", true))
	s.pass(s.timeout("above", "kind: Gateway, name: g", "request: 2s"))
	s.says("map[request:2s]", "reason:Published")
	s.clock = theEnd
	s.pass(refs{})
	s.says("nothing", "no longer in force")
	s.restart()
	s.says("nothing", "no longer in force")
}

func TestTheEndOfAnExceptionKeeps(t *testing.T) {
	for name, g := range map[string]*guardrail.Guardrail{
		"as it is by default": excepting("one", false),
		"what it did not cover": func() *guardrail.Guardrail {
			g := excepting("two", true)
			g.Exceptions = append(g.Exceptions, excepting("one", true).Exceptions...)
			g.Exceptions[1].Name, g.Exceptions[1].Until = "longer", theEnd.Add(time.Hour)
			return g
		}(),
		"what another exception still covers": func() *guardrail.Guardrail {
			g := excepting("one", true)
			g.Exceptions = append(g.Exceptions, g.Exceptions[0])
			g.Exceptions[1].Name, g.Exceptions[1].Until = "longer", theEnd.Add(time.Hour)
			return g
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			s := newCovered(t, g)
			s.clock = theEnd
			s.pass(refs{})
			s.says(slowResult, "reason:Published")
			s.restart()
			s.says(slowResult, "reason:Published")
		})
	}
	t.Run("and a guardrail that does not deny", func(t *testing.T) {
		g := excepting("one", true)
		g.Enforcement = guardrail.Audit
		s := newCovered(t, g)
		s.clock = theEnd
		s.pass(refs{})
		s.says(slowResult, "reason:Published")
	})
}

// Whatever is edited and whenever it ends, what an exception covered is published in
// its namespace until then, and nowhere afterwards.
func TestWhatAnExceptionCoveredIsNotPublishedAfterIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := theEnd.Add(-time.Hour)
		timed, list := &guardrail.Timed{}, []*guardrail.Guardrail{excepting("one", true)}
		guardrails := func() []*guardrail.Guardrail { return timed.At(list, clock) }
		passes := func() {
			if rapid.IntRange(0, 3).Draw(t, "time passes") == 0 {
				clock = clock.Add(30 * time.Minute)
			}
		}
		edit(t, guardrails, passes, func(m *memory) {
			for ref, value := range m.annotations {
				if ref.Kind == "HTTPRoute" && strings.Contains(value, `"request":"2s"`) && (ref.Namespace != "one" || !clock.Before(theEnd)) {
					t.Fatalf("%s is annotated %s at %s", ref, value, clock)
				}
			}
		})
	})
}
