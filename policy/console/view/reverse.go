package view

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/explain"
)

// reversed is a policy seen from its own side.
type reversed struct {
	Policy explain.Object `json:"policy"`
	// Paths are the paths that it reaches, InForce those on which some of it is in
	// effect, Whole those on which all of it is in effect, and Beaten those on
	// which nothing of it is.
	Paths   int `json:"paths"`
	InForce int `json:"inForce"`
	Whole   int `json:"whole"`
	Beaten  int `json:"beaten"`
	// Nowhere are its targets through which no path goes, or which it does not hold.
	Nowhere []refusal `json:"nowhere"`
	// BeatenBy are the winners, with the paths on which they win, the most first.
	BeatenBy []winner `json:"beatenBy"`
	// Routes are the routes that it reaches, with the paths on which it is in force;
	// at most PageSize of Total.
	Routes []reached `json:"routes"`
	Total  int       `json:"total"`
}

type refusal struct {
	Target  explain.Object `json:"target"`
	Reason  string         `json:"reason"`
	Message string         `json:"message"`
}

// winner is an object that wins over a policy on some paths.
type winner struct {
	By    explain.Object `json:"by"`
	ID    string         `json:"id"`
	Paths int            `json:"paths"`
	// Routes counts the routes, Example is one.
	Routes  int    `json:"routes"`
	Example string `json:"example"`
}

type reached struct {
	ID      string `json:"id"`
	Paths   int    `json:"paths"`
	InForce int    `json:"inForce"`
}

// reverseOf collects from every route what a policy contributes on its paths.
func (v *View) reverseOf(p *policy.Policy) reversed {
	out := reversed{Policy: objectOf(p.Ref), Nowhere: []refusal{}, BeatenBy: []winner{}, Routes: []reached{}}
	by := map[hierarchy.Ref]*winner{}
	for _, i := range v.Items {
		at := reached{ID: IDOf(i.Ref)}
		won := map[hierarchy.Ref]int{}
		for _, reach := range i.target.Reaches {
			c := contributionOf(reach.Result, p.Ref)
			if c == nil {
				continue
			}
			at.Paths += reach.Paths
			switch {
			case c.Won == c.Stated && len(c.Moved) == 0:
				out.Whole += reach.Paths
				at.InForce += reach.Paths
			case c.Won > 0 || len(c.Moved) > 0:
				at.InForce += reach.Paths
			}
			for _, ref := range c.BeatenBy {
				won[ref] += reach.Paths
			}
		}
		if at.Paths == 0 {
			continue
		}
		out.Paths += at.Paths
		out.InForce += at.InForce
		if out.Total++; len(out.Routes) < PageSize {
			out.Routes = append(out.Routes, at)
		}
		for ref, paths := range won {
			if by[ref] == nil {
				by[ref] = &winner{By: objectOf(ref), ID: IDOf(ref), Example: at.ID}
			}
			by[ref].Paths += paths
			by[ref].Routes++
		}
	}
	out.Beaten = out.Paths - out.InForce
	for _, ref := range sorted(by) {
		out.BeatenBy = append(out.BeatenBy, *by[ref])
	}
	slices.SortStableFunc(out.BeatenBy, func(a, b winner) int { return b.Paths - a.Paths })
	if len(out.BeatenBy) > PageSize {
		out.BeatenBy = out.BeatenBy[:PageSize]
	}
	out.Nowhere = v.nowhere(p)
	return out
}

// contributionOf is what a policy contributes on a path; nil when nothing that it
// states applies there.
func contributionOf(r *effective.PathPolicies, ref hierarchy.Ref) *effective.Contribution {
	for _, m := range r.Kinds {
		parts := m.Contributions()
		for i := range parts {
			if c := &parts[i]; c.Attachment.Policy.Ref == ref && c.Stated > 0 {
				return c
			}
		}
	}
	return nil
}

// nowhere are the targets of a policy on which it has no effect, and why.
func (v *View) nowhere(p *policy.Policy) []refusal {
	list := []refusal{}
	for _, a := range v.Snapshot.Acceptances(p) {
		switch {
		case !v.HasNode(a.Target.Ref):
		case !a.Accepted():
			list = append(list, refusal{objectOf(a.Target.Ref), a.Reason, explain.WithNearMiss(a.Message, explain.NearMiss(v.Snapshot, p, a))})
		case p.Kind.Class == policy.Inherited && !v.onPath(a.Target.Ref):
			list = append(list, refusal{objectOf(a.Target.Ref), explain.StateNoScope, "no path goes through it"})
		}
	}
	return list
}

func (v *View) onPath(ref hierarchy.Ref) bool {
	if ref.GroupKind == hierarchy.NamespaceKind {
		return slices.ContainsFunc(v.Items, func(i *item) bool { return i.Ref.Namespace == ref.Name && len(i.Scopes) > 0 })
	}
	for range v.Snapshot.Graph().Through(ref) {
		return true
	}
	return false
}
