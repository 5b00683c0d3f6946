package migrate

import (
	"cmp"
	"encoding/json"
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

// mostTargets is how many targets a policy can have.
const mostTargets = 16

// write makes the objects of statements: one policy for each 16 targets.
func (c *converter) write(list []statement) {
	taken := map[string]bool{}
	for _, s := range list {
		targets := s.targets
		for n := 0; len(targets) > 0; n++ {
			some := targets[:min(mostTargets, len(targets))]
			targets = targets[len(some):]
			spec := map[string]any{"default": s.fields}
			if len(some) == 1 {
				spec["targetRef"] = targetOf(some[0])
			} else {
				var refs []any
				for _, ref := range some {
					refs = append(refs, targetOf(ref))
				}
				spec["targetRefs"] = refs
			}
			name := c.freePolicy(taken, s.kind, s.namespace, numbered(s.name, n))
			for _, ref := range some {
				c.noteWritten(s, name, ref)
			}
			c.objects = append(c.objects, object(policyAPI, s.kind, s.namespace, name, nil, nil, spec))
		}
	}
}

// freePolicy is a name that no other policy of the kind has.
func (c *converter) freePolicy(taken map[string]bool, kind, namespace, wanted string) string {
	name := c.existing.free(kind, namespace, wanted)
	for n := 1; taken[kind+" "+namespace+"/"+name]; n++ {
		name = c.existing.free(kind, namespace, numbered(wanted+"-more", n-1))
	}
	taken[kind+" "+namespace+"/"+name] = true
	return name
}

// fieldKey is one field of a kind stated for one target.
type fieldKey struct {
	target      hierarchy.Ref
	kind, field string
}

// noteWritten remembers where a field of a target is stated, for the findings.
func (c *converter) noteWritten(s statement, name string, target hierarchy.Ref) {
	for field := range s.fields {
		c.statedIn[fieldKey{target, s.kind, field}] = Became{Kind: s.kind, Namespace: s.namespace, Name: name, Field: field}
	}
}

// kindsOfPolicies are the kinds that are written, in their order.
func kindsOfPolicies() []string { return []string{RateLimitPolicy, RetryPolicy, TimeoutPolicy} }

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
			for _, rule := range sortedKeys(r.rules) {
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

// jsonText is a value as text that is equal when the value is.
func jsonText(value any) string {
	text, _ := json.Marshal(value) // maps are written sorted, and all values are plain
	return string(text)
}
