package evaluate

import (
	"reflect"

	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// The ratchet of guardrails is that of Kubernetes' own validation: what violates
// a guardrail already and stays as it is, is tolerated; a value that changes must
// satisfy it, less bad does not do. Which values an objection is about, its
// fieldPath says; without one it is about all values of the kinds that its
// guardrail names.

// isNew reports whether an edit is to answer for an objection.
func (x *Evaluator) isNew(g *guardrail.Guardrail, p path, f guardrail.Finding, now, was []guardrail.Finding) bool {
	same := func(o guardrail.Finding) bool { return o.Code == f.Code && o.FieldPath == f.FieldPath }
	countOf := func(list []guardrail.Finding) (n int) {
		for _, o := range list {
			if same(o) {
				n++
			}
		}
		return n
	}
	before := countOf(was)
	switch {
	case before == 0:
		return true
	case x.Deletes: // who takes away does not answer for what comes to light
		return false
	case countOf(now) > before:
		return true
	}
	return valueChanges(g, p.pair, f.FieldPath)
}

// valueChanges reports whether the value that an objection is about changes on a path.
func valueChanges(g *guardrail.Guardrail, pair effective.Pair, fieldPath string) bool {
	if pair.Same() {
		return false
	}
	if kind, field, ok := SplitPath(kindsOf(pair), fieldPath); ok {
		return !sameValue(pair, kind, field)
	}
	for _, kind := range kindsOf(pair) {
		if concernsKind(g, kind) && !sameValue(pair, kind, nil) {
			return true
		}
	}
	return false
}

// sameValue reports whether a kind has the same value at a field before and after; with no field,
// the same values. Two spellings of one value are the same.
func sameValue(pair effective.Pair, kind string, field crd.Path) bool {
	before, was := valueAt(pair.Before, kind, field)
	after, is := valueAt(pair.After, kind, field)
	if was != is || reflect.DeepEqual(before, after) {
		return was == is
	}
	m, _ := pair.After.Kind(kind)
	comparable := m.Kind.Bounded(field)
	return comparable != nil && comparable.Equal(before, after)
}

// valueAt is the value of a kind at a field of a result.
func valueAt(r *effective.PathPolicies, kind string, field crd.Path) (value any, present bool) {
	if r == nil {
		return nil, false
	}
	m, ok := r.Kind(kind)
	if !ok || len(m.Value) == 0 {
		return nil, false
	}
	value = m.Value
	for _, name := range field {
		object, _ := value.(map[string]any)
		if value, ok = object[name]; !ok {
			return nil, false
		}
	}
	return value, true
}

// SplitPath reads what a rule names as the place of its objection, effective.TimeoutPolicy.request
// or effective["Kind.group"].labels["a.b"], as kind and field; ok is false when it leads to no value
// of an effective policy. The group may also be written without quotes.
func SplitPath(kinds []string, fieldPath string) (kind string, field crd.Path, ok bool) {
	path, err := crd.ParsePath(fieldPath)
	if err != nil || path[0] != "effective" {
		return "", nil, false
	}
	path = path[1:]
	for _, kind := range kinds {
		plain, err := crd.ParsePath(kind)
		switch {
		case crd.Path{kind}.Covers(path):
			return kind, path[1:], true
		case err == nil && plain.Covers(path):
			return kind, path[len(plain):], true
		}
	}
	return "", nil, false
}

// kindsOf are the names of the policy kinds on either side of a path.
func kindsOf(pair effective.Pair) []string {
	var names []string
	for _, r := range []*effective.PathPolicies{pair.After, pair.Before} {
		if r == nil {
			continue
		}
		for _, m := range r.Kinds {
			names = append(names, m.Kind.Name())
		}
	}
	return names
}

func concernsKind(g *guardrail.Guardrail, kind string) bool {
	return guardrail.OneOf(g.Match.PolicyKinds, kind)
}
