package explain

import (
	"slices"
	"strconv"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// States of a policy, in addition to the reasons for which it is not accepted: the reasons of the
// condition Programmed, and Direct for kinds that are not merged.
const (
	StateProgrammed = "Programmed"
	StatePartially  = "PartiallyProgrammed"
	StateOverridden = "Overridden"
	StateNoScope    = "NoScope"
	StateDirect     = "Direct"
)

// PolicyRow is a policy with its effect.
type PolicyRow struct {
	Policy  Object   `json:"policy"`
	Targets []Object `json:"targets"`
	// State is the state of the policy as a whole, Message says why it is not accepted, if so.
	State   string `json:"state"`
	Message string `json:"message,omitempty"`
	// InEffect counts the paths on which any part of it is in effect, out of the Paths that it
	// reaches.
	InEffect int `json:"inEffect"`
	Paths    int `json:"paths"`
	// BeatenBy are the policies and routes that win over it on some path.
	BeatenBy []Object `json:"beatenBy,omitempty"`

	Ref hierarchy.Ref `json:"-"`
	// Kind is the kind as results show it.
	Kind string `json:"-"`

	direct bool
}

// NoEffect reports whether no part of the policy is in effect anywhere.
func (r *PolicyRow) NoEffect() bool { return r.InEffect == 0 && r.State != StateDirect }

// Fraction is "3/5"; "-" for a policy that is not counted in paths.
func (r *PolicyRow) Fraction() string {
	if r.State == StateDirect || r.direct {
		return "-"
	}
	return strconv.Itoa(r.InEffect) + "/" + strconv.Itoa(r.Paths)
}

// PoliciesOf lists all policies of all kinds, sorted by namespace, kind and name.
func PoliciesOf(s *policy.Snapshot) []PolicyRow {
	return PoliciesIn(s, effective.ResolveAll(s))
}

// PoliciesIn is PoliciesOf for callers that have already resolved everything.
func PoliciesIn(s *policy.Snapshot, all effective.Resolution) []PolicyRow {
	var tally effective.Tally
	for e := range all.All() {
		tally.Add(e)
	}
	rows := []PolicyRow{}
	for p := range s.Policies() {
		rows = append(rows, policyRow(s, p, tally.Of(p.Ref)))
	}
	slices.SortFunc(rows, func(a, b PolicyRow) int {
		return compareTexts(a.Ref.Namespace, b.Ref.Namespace, a.Kind, b.Kind, a.Ref.Name, b.Ref.Name)
	})
	return rows
}

func policyRow(s *policy.Snapshot, p *policy.Policy, counts []*effective.Count) PolicyRow {
	row := PolicyRow{Policy: objectOf(p.Ref), Targets: []Object{}, Ref: p.Ref, Kind: s.KindText(p.Kind), direct: p.Kind.Class == policy.Direct}
	whole, beaten := 0, []hierarchy.Ref{}
	for _, c := range counts {
		row.Paths += c.Paths
		row.InEffect += c.Whole + c.Part
		whole += c.Whole
		beaten = append(beaten, c.BeatenBy()...)
	}
	slices.SortFunc(beaten, hierarchy.Compare)
	row.BeatenBy = objectsOf(slices.Compact(beaten))
	accepted := 0
	for _, a := range s.Acceptances(p) {
		row.Targets = append(row.Targets, objectOf(a.Target.Ref))
		if a.Accepted() {
			accepted++
		} else if row.State == "" {
			row.State, row.Message = a.Reason, WithNearMiss(a.Message, NearMiss(s, p, a))
		}
	}
	switch {
	case len(p.Problems) > 0:
		row.State, row.Message = policy.ReasonInvalid, p.Problems[0]
	case accepted == 0 && row.State != "":
	case p.Kind.Class == policy.Direct:
		row.State = StateDirect
	case row.Paths == 0:
		row.State = StateNoScope
	case row.InEffect == 0:
		row.State = StateOverridden
	case whole < row.Paths || row.State != "":
		row.State = StatePartially
	default:
		row.State = StateProgrammed
	}
	return row
}

// Direct is a Direct policy on something that an explanation is about. It is not merged: it applies
// to its target as it is.
type Direct struct {
	Policy string `json:"policy"`
	Target string `json:"target"`
	// Reason is the reason of its acceptance, Message says why it is not accepted.
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`

	PolicyRef Object `json:"policyRef"`
	TargetRef Object `json:"targetRef"`
}

// DirectPolicies lists the Direct policies on any of the objects, or a section of
// one, sorted.
func DirectPolicies(s *policy.Snapshot, on map[hierarchy.Ref]bool) []Direct {
	var list []Direct
	for p := range s.Policies() {
		if p.Kind.Class != policy.Direct {
			continue
		}
		for _, a := range s.Acceptances(p) {
			if !on[a.Target.Ref.Object()] {
				continue
			}
			d := Direct{
				Policy: p.Kind.Name() + " " + p.Ref.Place(), Target: a.Target.Ref.String(), Reason: a.Reason,
				PolicyRef: objectOf(p.Ref), TargetRef: objectOf(a.Target.Ref),
			}
			if !a.Accepted() {
				d.Message = a.Message
			}
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b Direct) int { return compareTexts(a.Target, b.Target, a.Policy, b.Policy) })
	return list
}

// Surroundings returns the objects that requests through a route or a Gateway pass: the object
// itself, those above it, and its backends.
func Surroundings(s *policy.Snapshot, target hierarchy.Ref) map[hierarchy.Ref]bool {
	on := map[hierarchy.Ref]bool{target: true}
	object, _ := s.Graph().Get(target)
	switch o := object.(type) {
	case *hierarchy.Gateway:
		on[hierarchy.GatewayClassRef(o.Class)] = true
	case *hierarchy.Route:
		for _, l := range s.Graph().BoundTo(target) {
			on[l.Class], on[l.Gateway] = true, true
			if !l.ListenerSet.IsZero() {
				on[l.ListenerSet] = true
			}
		}
		for i := range o.Rules {
			for _, backend := range o.Rules[i].Backends {
				on[backend.To.Object()] = true
			}
		}
	}
	return on
}

func directOn(s *policy.Snapshot, target hierarchy.Ref) []Direct {
	return DirectPolicies(s, Surroundings(s, target))
}
