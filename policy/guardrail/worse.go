package guardrail

import (
	"context"
	"maps"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// A rule says only yes or no, so whether a value that violated it before and
// still does has become worse is found by trying: if the rule accepts very
// small values of the field and not very large ones, a larger value is worse.

// direction is which way of a field a rule objects to.
type direction int8

const (
	neither direction = iota // the field alone cannot settle it
	largerIsWorse
	smallerIsWorse
)

// extremes are a very small and a very large value of each comparable type.
var extremes = map[policy.BoundType][2]any{
	policy.DurationBound: {"1ms", "99999h"},
	policy.IntegerBound:  {int64(0), int64(1) << 31},
	policy.QuantityBound: {"1m", "1000000000"},
}

type probeKey struct {
	rule     Rule
	finding  string
	kind     string
	field    string
	question question
}

// leaf is a changed leaf of a path.
type leaf struct {
	kind          *policy.Kind
	field         string
	before, after *effective.Origin
}

// worse says whether any changed value moved further away from what the rule
// accepts. A field path in the finding says which value it is about; without
// one it is any that changed.
func (j *judge) worse(ctx context.Context, rule Rule, p path, f Finding) (bool, error) {
	for _, l := range changedLeaves(p.pair) {
		if f.FieldPath != "" {
			if m, field, ok := leafAt(p.pair.After, f.FieldPath); ok && (m.Kind != l.kind || field != l.field) {
				continue
			}
		}
		kind, comparable := l.kind.Comparable(l.field)
		if !comparable || l.before == nil || l.after == nil {
			continue
		}
		order, err := kind.Compare(l.after.Value, l.before.Value)
		if err != nil || order == 0 {
			continue
		}
		toward, err := j.probe(ctx, rule, p, f, l, kind)
		if err != nil {
			return false, err
		}
		if (order > 0 && toward == largerIsWorse) || (order < 0 && toward == smallerIsWorse) {
			return true, nil
		}
	}
	return false, nil
}

// probe tries the rule with the field at its extremes.
func (j *judge) probe(ctx context.Context, rule Rule, p path, f Finding, l leaf, kind policy.BoundType) (direction, error) {
	key := probeKey{rule, f.Code + "|" + f.FieldPath, l.kind.Name(), l.field, j.question(rule, p, false)}
	if known, ok := j.probes[key]; ok {
		return known, nil
	}
	objects := func(value any) (bool, error) {
		in := j.input(rule.Uses(), p, false)
		values, _ := in["effective"].(map[string]any)
		values = maps.Clone(values)
		block, _ := values[l.kind.Name()].(map[string]any)
		block = maps.Clone(block)
		if values == nil || block == nil {
			return true, nil
		}
		block[l.field] = value
		values[l.kind.Name()] = block
		in["effective"] = values
		findings, err := rule.Check(ctx, in)
		if ctxErr := ctx.Err(); ctxErr != nil {
			return false, ctxErr
		}
		if err != nil {
			return true, nil //nolint:nilerr // a rule that cannot judge a value does not accept it
		}
		for _, o := range findings {
			if o.Code == f.Code && o.FieldPath == f.FieldPath {
				return true, nil
			}
		}
		return false, nil
	}
	small, err := objects(extremes[kind][0])
	if err != nil {
		return neither, err
	}
	large, err := objects(extremes[kind][1])
	if err != nil {
		return neither, err
	}
	toward := neither
	switch {
	case !small && large:
		toward = largerIsWorse
	case small && !large:
		toward = smallerIsWorse
	}
	j.probes[key] = toward
	return toward, nil
}

// changedLeaves lists the leaves that differ between the two sides of a path.
func changedLeaves(pair effective.Pair) []leaf {
	var list []leaf
	for _, after := range pair.After.Kinds {
		before, had := pair.Before.Kind(after.Kind.Name())
		if !had || before.Same(after) {
			continue
		}
		for i := range after.Origins {
			now := &after.Origins[i]
			for k := range before.Origins {
				if was := &before.Origins[k]; was.Field == now.Field {
					list = append(list, leaf{after.Kind, now.Field, was, now})
				}
			}
		}
	}
	return list
}
