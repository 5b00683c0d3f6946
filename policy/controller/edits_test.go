package controller

import (
	"testing"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/test/edits"
)

// TestTheGateSaysTheSame lets each edit of the corpus pass admission, as if it
// had lost a race, in a cluster in which what there was before is published. The
// gate holds back what admission would have denied, for the same reason, and
// nothing else. It cannot know what only admission knows: who makes which edit.
// And it has no say where there is nothing to publish, because a label brings
// what is published already under a guardrail; that is for the audit.
func TestTheGateSaysTheSame(t *testing.T) {
	cases, err := edits.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	held, passed := 0, 0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			stage, err := c.Stage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			stage.Edit.MayRead = nil // the gate talks to nobody in particular
			verdict, err := review.Review(t.Context(), stage.World, stage.Edit, stage.Guardrails)
			if err != nil {
				t.Fatal(err)
			}
			if len(verdict.Refusals) > 0 {
				t.Skip("it takes no guardrail to refuse this, and the gate asks guardrails")
			}
			before := effective.ResolveAll(stage.World)
			s := follow(t, stage, hierarchy.RefOf(c.Edit))
			want := expected(stage, verdict, before, effective.ResolveAll(s.snapshot))
			compare(t, s.publication, want)
			if len(want) > 0 {
				held++
			} else {
				passed++
			}
			for target, e := range s.effective {
				what, wanted := "what it comes to", e
				if s.publication.withheld[target] != nil {
					what, wanted = "what it was", before.Get(target)
					if wanted == nil || !wanted.Reached() {
						what, wanted = "what policies above it give", aboveIn(t, s, target, stage.Guardrails)
					}
				}
				got := s.publication.published[target].effective
				if (got == nil) != (wanted == nil) || len(effective.Compare(got, wanted)) > 0 {
					t.Errorf("published for %s is not %s", target, what)
				}
			}
			if !c.Verdict.Denied && len(s.publication.withheld) > 0 {
				t.Error("it is allowed, and something is held back")
			}
			publishable(t, s, before, stage.Guardrails)
		})
	}
	if held < 8 || passed < 20 {
		t.Errorf("only %d edits were held back, and %d not", held, passed)
	}
}

// follow is the state of a controller that saw the world of a case without
// guardrails, and then the edit with them.
func follow(t *testing.T, stage *edits.Stage, edited hierarchy.Ref) *state {
	t.Helper()
	var guardrails []*guardrail.Guardrail
	s := newState(func() []*guardrail.Guardrail { return guardrails })
	s.begin(t.Context(), stage.World, nil, &memory{})
	guardrails = stage.Guardrails
	after := stage.World.Without(edited)
	if stage.Change.New != nil {
		after, _ = stage.World.With(stage.Change.New)
	}
	s.settle(t.Context(), after, refs{edited: {}}, refs{}, false)
	return s
}

// reason is what a violation is about, on whichever path.
type reason struct{ guardrail, code, field, message string }

func reasonOf(v evaluate.Violation) reason {
	return reason{v.Guardrail, v.Code, v.FieldPath, v.Message}
}

// aboveIn is what policies above a route give, nil where guardrails object to it.
func aboveIn(t *testing.T, s *state, target hierarchy.Ref, guardrails []*guardrail.Guardrail) *effective.Target {
	t.Helper()
	above := effective.NewResolver(s.snapshot).Above(target)
	ok, err := evaluate.Publishable(t.Context(), s.snapshot, above, true, guardrails, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !ok || above == nil || !above.Reached() {
		return nil
	}
	return above
}

// expected are the violations of a verdict that the gate sees.
func expected(stage *edits.Stage, verdict review.Verdict, before, after effective.Resolution) map[reason]evaluate.Violation {
	blind := map[string]bool{}
	for _, g := range stage.Guardrails {
		for _, r := range g.Rules {
			blind[g.Name] = blind[g.Name] || r.Uses()&guardrail.AdmissionOnly != 0
		}
	}
	list := map[reason]evaluate.Violation{}
	for _, v := range verdict.By(guardrail.Deny) {
		was, is := before.Get(v.Target), after.Get(v.Target)
		if !blind[v.Guardrail] && (was == nil || len(effective.Compare(was, is)) > 0) {
			list[reasonOf(v)] = v
		}
	}
	return list
}

// compare holds what is held back against what a verdict says.
func compare(t *testing.T, g *publication, want map[reason]evaluate.Violation) {
	t.Helper()
	targets := map[reason]int{}
	for target, h := range g.withheld {
		if len(h.violations) == 0 {
			t.Errorf("%s was not judged in time", target)
		}
		for _, v := range h.violations {
			if _, ok := want[reasonOf(v)]; !ok {
				t.Errorf("%s is held back because of %s, of which admission says nothing", target, v)
			}
			targets[reasonOf(v)]++
		}
	}
	for r, v := range want {
		if targets[r] != v.Targets {
			t.Errorf("guardrail %s holds back %d targets; at admission it objects to %d", r.guardrail, targets[r], v.Targets)
		}
		said := false
		if h := g.withheld[v.Target]; h != nil {
			for _, x := range h.violations {
				said = said || reasonOf(x) == r && x.Where() == v.Where() && x.Set() == v.Set()
			}
		}
		if !said {
			t.Errorf("the gate does not say of %s: %s", v.Target, v)
		}
	}
}

// publishable checks what admission annotates without knowing what is published:
// nothing that the gate holds back.
func publishable(t *testing.T, s *state, before effective.Resolution, guardrails []*guardrail.Guardrail) {
	t.Helper()
	for target := range s.publication.withheld {
		if ok, err := evaluate.Publishable(t.Context(), s.snapshot, s.effective[target], before.Get(target) == nil, guardrails, nil, nil); err != nil || ok {
			t.Errorf("admission would annotate %s: %v", target, err)
		}
	}
}
