package webhook

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
)

// attachment refuses a policy that cannot be attached to what it names, and
// warns of one that is not attached yet or means nothing there. What was wrong
// with the policy before the edit does not deny: it is said as a warning.
func attachment(_ context.Context, e *edit, v *verdict) error {
	if e.object == nil {
		return nil
	}
	p, isPolicy := e.after.Policy(e.ref)
	if !isPolicy {
		for _, problem := range e.problems {
			v.warn("%s: %s: %s", problem.Ref, problem.Field, problem.Message)
		}
		return nil
	}
	known := problemsBefore(e)
	if len(p.Problems) > 0 {
		unreadablePolicy(e, known, v)
		return nil
	}
	for _, s := range e.after.Standings(p) {
		switch {
		case s.Accepted():
		case s.Reason == policy.ReasonTargetNotFound, s.Reason == policy.ReasonConflicted, known[s.Message]:
			v.warn("%s: %s", s.Target.Field, s.Message)
		case s.Reason == policy.ReasonRefNotPermitted:
			v.forbid(s.Target.Field, "%s", s.Message)
		default:
			v.deny(s.Target.Field, "%s", s.Message)
		}
		if s.Accepted() || s.Reason == policy.ReasonTargetNotFound {
			inapplicable(p, s.Target, e.after, v)
		}
	}
	return nil
}

// unreadablePolicy reports what Parse found, field by field.
func unreadablePolicy(e *edit, known map[string]bool, v *verdict) {
	for _, problem := range e.problems {
		if known[problem.Field+problem.Message] {
			v.warn("%s: %s", problem.Field, problem.Message)
		} else {
			v.deny(problem.Field, "%s", problem.Message)
		}
	}
}

// problemsBefore are the messages of what was wrong with the policy before the
// edit.
func problemsBefore(e *edit) map[string]bool {
	known := map[string]bool{}
	if e.old == nil {
		return known
	}
	old, isPolicy := e.before.Policy(e.ref)
	if !isPolicy {
		return known
	}
	for _, s := range e.before.Standings(old) {
		if !s.Accepted() {
			known[s.Message] = true
		}
	}
	if len(old.Problems) > 0 {
		_, errs := policy.Parse(old.Kind, e.old)
		for _, err := range errs {
			known[err.Field+err.ErrorBody()] = true
		}
	}
	return known
}

// inapplicable warns of fields that mean nothing on the kind of route that a
// policy names itself.
func inapplicable(p *policy.Policy, target policy.Target, s *policy.Snapshot, v *verdict) {
	gk := target.Ref.GroupKind
	if p.Kind.Class != policy.Inherited || !s.IsRoute(gk) {
		return
	}
	fields := statedFields(p)
	idle := slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return p.Kind.Applies(gk, f) })
	switch {
	case len(fields) == 0 || len(idle) == 0:
	case len(idle) == len(fields):
		v.warn("%s: nothing in this %s means anything on %s, so it has no effect there (%s)",
			target.Field, p.Ref.Kind, plural(gk.Kind), strings.Join(fields, ", "))
	default:
		v.warn("%s: %s of this %s %s no effect on %s", target.Field, strings.Join(idle, ", "), p.Ref.Kind, oneOrMany(len(idle), "has", "have"), plural(gk.Kind))
	}
}

// statedFields are the fields that a policy says something about, sorted.
func statedFields(p *policy.Policy) []string {
	fields := map[string]bool{}
	for _, layer := range p.Layers {
		for field := range layer.Value {
			fields[field] = true
		}
	}
	for _, b := range p.Bounds {
		fields[b.Field] = true
	}
	return slices.Sorted(maps.Keys(fields))
}

func plural(kind string) string { return kind + "s" }

func oneOrMany(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// count writes a number of things.
func count(n int, one, many string) string {
	return fmt.Sprintf("%d %s", n, oneOrMany(n, one, many))
}

// place says where a path runs, as people read it.
func place(target hierarchy.Ref, rule string, l *hierarchy.Listener) string {
	where := target.String()
	if target != l.Gateway && rule != "" && rule != "*" {
		where += " rule " + rule
	}
	return fmt.Sprintf("%s (listener %s of %s)", where, l.Ref.Section, l.Ref.Object())
}
