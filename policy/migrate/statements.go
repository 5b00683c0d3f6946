package migrate

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// statement is a policy before it is written: what is stated of one kind on one or
// several targets of one namespace.
type statement struct {
	kind, namespace, name string
	targets               []hierarchy.Ref
	fields                map[string]any
}

// routeWants are what is stated on one route, and on rules of it (M44, M45).
type routeWants struct {
	ref     hierarchy.Ref
	ingress *ingress
	// wants are for the route, rules for its rules by name.
	wants wants
	rules map[string]wants
	// forwards says that some rule of it has a backend: others only redirect, and
	// nothing is stated on them.
	forwards bool
}

// targetOf is a target as policies name it.
func targetOf(ref hierarchy.Ref) map[string]any {
	t := map[string]any{"group": ref.Group, "kind": ref.Kind, "name": ref.Name}
	if ref.Section != "" {
		t["sectionName"] = ref.Section
	}
	return t
}

// perIngress states the same on all routes of an Ingress by one policy of each kind
// (M44).
func perIngress(routes []routeWants) []statement {
	var list []statement
	for i := 0; i < len(routes); {
		last := i + 1
		for last < len(routes) && routes[last].ingress == routes[i].ingress && jsonText(routes[last].wants) == jsonText(routes[i].wants) {
			last++
		}
		group := routes[i:last]
		for _, kind := range kindsOfPolicies() {
			s := statement{kind: kind, namespace: group[0].ref.Namespace, name: group[0].ref.Name, fields: group[0].wants[kind]}
			for _, r := range group {
				s.targets = append(s.targets, r.ref)
			}
			if len(s.fields) > 0 {
				list = append(list, s)
			}
		}
		i = last
	}
	return list
}

// perRule are the statements on rules (M45): one policy for the rules of a route that
// want the same.
func perRule(routes []routeWants) []statement {
	var list []statement
	for _, r := range routes {
		for _, kind := range kindsOfPolicies() {
			at := map[string]int{}
			for _, rule := range slices.Sorted(maps.Keys(r.rules)) {
				fields := r.rules[rule][kind]
				if len(fields) == 0 {
					continue
				}
				key := jsonText(fields)
				i, ok := at[key]
				if !ok {
					i = len(list)
					at[key] = i
					list = append(list, statement{kind: kind, namespace: r.ref.Namespace, name: r.ref.Name + "-" + rule, fields: fields})
				}
				list[i].targets = append(list[i].targets, r.ref.WithSection(rule))
			}
		}
	}
	return list
}

// together puts equal statements on routes of one namespace into one, named as the
// first route (M59).
func together(list []statement) []statement {
	slices.SortStableFunc(list, func(a, b statement) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	var out []statement
	at := map[string]int{}
	for _, s := range list {
		key := strings.Join([]string{s.kind, s.namespace, jsonText(s.fields)}, "\x00")
		if i, ok := at[key]; ok {
			out[i].targets = append(out[i].targets, s.targets...)
			continue
		}
		at[key] = len(out)
		out = append(out, s)
	}
	return out
}

// aboveRoutes are the statements on what is above routes, in a fixed order.
func aboveRoutes(above map[hierarchy.Ref]wants) []statement {
	refs := slices.SortedFunc(maps.Keys(above), hierarchy.Compare)
	var list []statement
	for _, ref := range refs {
		for _, kind := range kindsOfPolicies() {
			if fields := above[ref][kind]; len(fields) > 0 {
				s := statement{kind: kind, namespace: ref.Namespace, name: ref.Name + "-ingress-defaults", targets: []hierarchy.Ref{ref}, fields: fields}
				switch {
				case ref.Kind == "Namespace":
					s.namespace, s.name = ref.Name, "ingress-defaults"
				case ref.Section != "":
					s.name = ref.Name + "-" + ref.Section + "-ingress-defaults"
				}
				list = append(list, s)
			}
		}
	}
	return list
}
