package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// maxDifferences is the number of fields in which a grant may differ and still nearly fit. A grant
// for a route to a Gateway differs from one for a policy in two.
const maxDifferences = 2

// NearGrant is a ReferenceGrant in a target's namespace that does not permit a policy to refer to
// it, and would if one or two of its fields had other values.
type NearGrant struct {
	Grant       hierarchy.Ref
	Differences []GrantDifference
}

// GrantDifference is a field of a grant: its value, and the value that the reference needs.
type GrantDifference struct{ Field, Is, Needs string }

// Text describes the differences.
func (n NearGrant) Text() string {
	parts := make([]string, len(n.Differences))
	for i, d := range n.Differences {
		parts[i] = fmt.Sprintf("its %s is %q, not %q", d.Field, d.Is, d.Needs)
	}
	return strings.Join(parts, ", ")
}

// NearGrant finds the grant that comes closest to permitting a policy's reference.
func (s *Snapshot) NearGrant(p *Policy, target hierarchy.Ref) (NearGrant, bool) {
	var best NearGrant
	for g := range s.graph.ReferenceGrants() {
		if g.Meta().Ref.Namespace != target.Namespace {
			continue
		}
		if n, near := nearlyPermits(g, p, target); near && (best.Grant.IsZero() || n.nearer(best)) {
			best = n
		}
	}
	return best, !best.Grant.IsZero()
}

// nearer reports whether a grant has fewer differences than another, or the same number and sorts
// first.
func (n NearGrant) nearer(o NearGrant) bool {
	if a, b := len(n.Differences), len(o.Differences); a != b {
		return a < b
	}
	return hierarchy.Compare(n.Grant, o.Grant) < 0
}

// NearlyPermitted returns the policies that refer to the namespace of a grant without permission,
// and that this grant nearly permits, sorted. A grant that permits some policy is in use, so the
// result is empty.
func (s *Snapshot) NearlyPermitted(grant hierarchy.Ref) []NearlyPermitted {
	object, _ := s.graph.Get(grant)
	g, isGrant := object.(*hierarchy.ReferenceGrant)
	if !isGrant || len(g.From) == 0 || len(g.To) == 0 {
		return nil
	}
	var list []NearlyPermitted
	for p := range s.Policies() {
		for _, t := range p.Targets {
			if !p.Kind.Namespaced || p.Ref.Namespace == grant.Namespace || t.Ref.Namespace != grant.Namespace {
				continue
			}
			n, near := nearlyPermits(g, p, t.Ref)
			switch {
			case len(n.Differences) == 0:
				return nil
			case near && !s.graph.Permits(p.Ref.GroupKind, p.Ref.Namespace, t.Ref):
				list = append(list, NearlyPermitted{Policy: p.Ref, Target: t.Ref, Near: n})
			}
		}
	}
	slices.SortFunc(list, func(a, b NearlyPermitted) int {
		return cmp.Or(hierarchy.Compare(a.Policy, b.Policy), hierarchy.Compare(a.Target, b.Target))
	})
	return list
}

// NearlyPermitted is a reference of a policy that a grant nearly permits.
type NearlyPermitted struct {
	Policy, Target hierarchy.Ref
	Near           NearGrant
}

// nearlyPermits returns in which fields a grant differs from one that permits a reference, and
// whether these are few enough. Every from of a grant is combined with every to.
func nearlyPermits(g *hierarchy.ReferenceGrant, p *Policy, target hierarchy.Ref) (n NearGrant, near bool) {
	n.Grant = g.Meta().Ref
	first := true
	for _, from := range g.From {
		for _, to := range g.To {
			if list := grantDifferences(from, to, p, target); first || len(list) < len(n.Differences) {
				n.Differences, first = list, false
			}
		}
	}
	return n, len(n.Differences) > 0 && len(n.Differences) <= maxDifferences
}

func grantDifferences(from hierarchy.GrantFrom, to hierarchy.GrantTo, p *Policy, target hierarchy.Ref) []GrantDifference {
	var list []GrantDifference
	differs := func(field, is, needs string) {
		if is != needs {
			list = append(list, GrantDifference{Field: field, Is: is, Needs: needs})
		}
	}
	differs("from.group", from.Group, p.Ref.GroupKind.Group)
	differs("from.kind", from.Kind, p.Ref.Kind)
	differs("from.namespace", from.Namespace, p.Ref.Namespace)
	differs("to.group", to.Group, target.GroupKind.Group)
	differs("to.kind", to.Kind, target.Kind)
	if to.Name != "" {
		differs("to.name", to.Name, target.Name)
	}
	return list
}
