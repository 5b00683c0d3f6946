package publish

import (
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
)

// statedBy returns which policies state values, if their kind declares that a data plane has to
// know: a counter belongs to the policy that states the limit (semantics.md section 3.2). The
// scopes do not contain it, so the digest does not depend on it.
func statedBy(e *effective.Target) []any {
	var list []any
	for i, s := range e.Scopes {
		for _, m := range s.Result.Kinds {
			seen := map[string]bool{}
			for _, o := range m.Origins {
				field, declared := declaredPrefix(m.Kind.StatedBy, o.Path)
				name := field.String()
				if !declared || seen[name] || o.From.GroupKind != m.Kind.GroupKind {
					continue
				}
				seen[name] = true
				list = append(list, map[string]any{
					"scope": int64(i), "policy": m.Kind.Name(), "field": name,
					"from": map[string]any{"namespace": o.From.Namespace, "name": o.From.Name},
				})
			}
		}
	}
	return list
}

// declaredPrefix returns the part of a path that matches a declared one.
func declaredPrefix(declared []crd.Path, path crd.Path) (crd.Path, bool) {
	for _, d := range declared {
		fits := len(path) >= len(d)
		for i := 0; fits && i < len(d); i++ {
			fits = d[i] == crd.Any || d[i] == path[i]
		}
		if fits {
			return path[:len(d)], true
		}
	}
	return nil, false
}
