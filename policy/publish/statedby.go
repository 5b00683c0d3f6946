package publish

import (
	"iter"
	"slices"
	"strconv"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
)

// stated is a field of a kind on a scope, and who states it.
type stated struct {
	scope       int
	kind, field string
	from        hierarchy.Ref
}

// allStated yields which policies state values, if their kind declares that a data plane has to
// know: a counter belongs to the policy that states the limit (semantics.md section 3.2). The
// scopes do not contain it, so the digest does not depend on it.
func allStated(e *effective.Target) iter.Seq[stated] {
	return func(yield func(stated) bool) {
		for i, s := range e.Scopes {
			for _, m := range s.Result.Kinds {
				if len(m.Kind.StatedBy) == 0 {
					continue
				}
				var seen []string
				for j := range m.Origins {
					o := &m.Origins[j]
					field, declared := declaredPrefix(m.Kind.StatedBy, o.Path)
					if !declared || o.From.GroupKind != m.Kind.GroupKind {
						continue
					}
					name := field.String()
					if slices.Contains(seen, name) {
						continue
					}
					seen = append(seen, name)
					if !yield(stated{i, m.Kind.Name(), name, o.From}) {
						return
					}
				}
			}
		}
	}
}

// statedBy is allStated as a list of JSON objects.
func statedBy(e *effective.Target) []any {
	var list []any
	for s := range allStated(e) {
		list = append(list, map[string]any{
			"scope": int64(s.scope), "policy": s.kind, "field": s.field,
			"from": map[string]any{"namespace": s.from.Namespace, "name": s.from.Name},
		})
	}
	return list
}

// appendStatedBy writes statedBy as a member of an object, if there is anything.
func appendStatedBy(b []byte, e *effective.Target) []byte {
	none := len(b)
	for s := range allStated(e) {
		if len(b) == none {
			b = append(b, `,"statedBy":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"field":`...), s.field)
		b = appendPlace(append(b, `,"from":`...), s.from)
		b = appendString(append(b, `,"policy":`...), s.kind)
		b = append(strconv.AppendInt(append(b, `,"scope":`...), int64(s.scope), 10), '}')
	}
	if len(b) > none {
		b = append(b, ']')
	}
	return b
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
