package view

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/explain"
)

// Chip is a policy where it is attached.
type Chip struct {
	ID        string `json:"id"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Blocks are default, override, inline, bounds or direct.
	Blocks []string `json:"blocks"`
	// Reason is why it does not apply here; empty when it does.
	Reason string `json:"reason,omitempty"`
}

// chips are the policies of a snapshot, by the objects to which they are attached.
func chips(s *policy.Snapshot) map[hierarchy.Ref][]Chip {
	on := map[hierarchy.Ref][]Chip{}
	for p := range s.Policies() {
		for _, a := range s.Acceptances(p) {
			c := Chip{ID: IDOf(p.Ref), Kind: p.Kind.Name(), Namespace: p.Ref.Namespace, Name: p.Ref.Name, Blocks: explain.States(p)}
			if !a.Accepted() {
				c.Reason = a.Reason
			}
			on[a.Target.Ref] = append(on[a.Target.Ref], c)
		}
	}
	for _, list := range on {
		slices.SortFunc(list, func(a, b Chip) int { return strings.Compare(a.ID, b.ID) })
	}
	return on
}
