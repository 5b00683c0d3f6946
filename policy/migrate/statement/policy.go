package statement

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/ingress"
)

// Policy is a policy before it is written: what is stated of one kind on one or
// several targets of one namespace.
type Policy struct {
	Kind, Namespace, Name string
	Targets               []hierarchy.Ref
	Fields                map[string]any
}

// Route is what is stated on one route, and on its rules (M44, M45).
type Route struct {
	Ref     hierarchy.Ref
	Ingress *ingress.Ingress
	// Wants are for the route, Rules for its rules by name.
	Wants Wants
	Rules map[string]Wants
	// Forwards says that some rule of it has a backend: others only redirect, and
	// nothing is stated on them.
	Forwards bool
}

// targetOf is a target reference of a policy.
func targetOf(ref hierarchy.Ref) map[string]any {
	t := map[string]any{"group": ref.Group, "kind": ref.Kind, "name": ref.Name}
	if ref.Section != "" {
		t["sectionName"] = ref.Section
	}
	return t
}

// PerIngress makes one policy of each kind for all routes of an Ingress that want the same
// (M44).
func PerIngress(routes []Route) []Policy {
	var list []Policy
	for i := 0; i < len(routes); {
		last := i + 1
		for last < len(routes) && routes[last].Ingress == routes[i].Ingress && JSON(routes[last].Wants) == JSON(routes[i].Wants) {
			last++
		}
		group := routes[i:last]
		for _, kind := range Kinds() {
			s := Policy{Kind: kind, Namespace: group[0].Ref.Namespace, Name: group[0].Ref.Name, Fields: group[0].Wants[kind]}
			for _, r := range group {
				s.Targets = append(s.Targets, r.Ref)
			}
			if len(s.Fields) > 0 {
				list = append(list, s)
			}
		}
		i = last
	}
	return list
}

// PerRule are the statements on rules (M45): one policy for the rules of a route that
// want the same.
func PerRule(routes []Route) []Policy {
	var list []Policy
	for _, r := range routes {
		for _, kind := range Kinds() {
			at := map[string]int{}
			for _, rule := range slices.Sorted(maps.Keys(r.Rules)) {
				fields := r.Rules[rule][kind]
				if len(fields) == 0 {
					continue
				}
				key := JSON(fields)
				i, ok := at[key]
				if !ok {
					i = len(list)
					at[key] = i
					list = append(list, Policy{Kind: kind, Namespace: r.Ref.Namespace, Name: r.Ref.Name + "-" + rule, Fields: fields})
				}
				list[i].Targets = append(list[i].Targets, r.Ref.WithSection(rule))
			}
		}
	}
	return list
}

// Together joins equal statements on routes of one namespace into one that has the name of
// the first route (M59).
func Together(list []Policy) []Policy {
	slices.SortStableFunc(list, func(a, b Policy) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var out []Policy
	at := map[string]int{}
	for _, s := range list {
		key := strings.Join([]string{s.Kind, s.Namespace, JSON(s.Fields)}, "\x00")
		if i, ok := at[key]; ok {
			out[i].Targets = append(out[i].Targets, s.Targets...)
			continue
		}
		at[key] = len(out)
		out = append(out, s)
	}
	return out
}

// Above makes the statements on Namespaces, listeners and Gateways, in a fixed order.
func Above(above map[hierarchy.Ref]Wants) []Policy {
	refs := slices.SortedFunc(maps.Keys(above), hierarchy.Compare)
	var list []Policy
	for _, ref := range refs {
		for _, kind := range Kinds() {
			if fields := above[ref][kind]; len(fields) > 0 {
				s := Policy{Kind: kind, Namespace: ref.Namespace, Name: ref.Name + "-ingress-defaults", Targets: []hierarchy.Ref{ref}, Fields: fields}
				switch {
				case ref.Kind == "Namespace":
					s.Namespace, s.Name = ref.Name, "ingress-defaults"
				case ref.Section != "":
					s.Name = ref.Name + "-" + ref.Section + "-ingress-defaults"
				}
				list = append(list, s)
			}
		}
	}
	return list
}
