package review

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Verdict is what a review came to.
type Verdict struct {
	// Refusals refuse the edit whatever guardrails say.
	Refusals []Refusal
	// Violations are the new or worse ones of all guardrails, sorted.
	Violations []Violation
	Impact     Impact
	// Before and After are the worlds that were compared.
	Before, After *policy.Snapshot

	edit    Edit
	notices []Notice
	judge   *judge
	targets map[hierarchy.Ref]*effective.Target
}

// Denied says whether the edit is refused, by a guardrail or because it is wrong.
func (v Verdict) Denied() bool { return len(v.Refusals) > 0 || len(v.By(guardrail.Deny)) > 0 }

// Excepted is what exceptions let pass that guardrails would object to.
func (v Verdict) Excepted() []Covered {
	if v.judge == nil {
		return nil
	}
	return v.judge.exceptions()
}

// By lists the violations of guardrails with one enforcement.
func (v Verdict) By(e guardrail.Enforcement) []Violation {
	var list []Violation
	for _, violation := range v.Violations {
		if violation.Enforcement == e {
			list = append(list, violation)
		}
	}
	return list
}

// chunk is how many targets are resolved between two looks at the clock. One may have a thousand
// paths.
const chunk = 8

// Review says what an edit would do to the effective policies of a snapshot,
// whether it can be, and what guardrails say to it. It stops with the context's
// error when that ends.
func Review(ctx context.Context, s *policy.Snapshot, e Edit, rails []*guardrail.Guardrail) (Verdict, error) {
	return On(ctx, effective.NewResolver(s), e, rails)
}

// On is Review with a resolver of the snapshot, which may have folded already some of what the
// edit touches.
func On(ctx context.Context, r *effective.Resolver, e Edit, rails []*guardrail.Guardrail) (Verdict, error) {
	v, unreadable := e.apply(r.Snapshot())
	v.attach(e, unreadable)
	touched := v.touched(e)
	old := r.On(v.Before)
	now := old.On(v.After)
	v.room(e)
	if v.tooWide(touched, old, now, e) {
		return v, nil
	}
	broken := &invalidity{before: v.Before, set: map[hierarchy.Ref]bool{}, above: map[hierarchy.Ref]*effective.Target{}}
	for _, u := range e.set() {
		broken.set[hierarchy.RefOf(u)] = true
	}
	pairs := make([]sides, 0, len(touched))
	var changes []effective.Change
	for part := range slices.Chunk(touched, chunk) {
		if err := ctx.Err(); err != nil {
			return v, &Unfinished{Done: len(pairs), All: len(touched), err: err}
		}
		before, after := old.Resolve(part...), now.Resolve(part...)
		changes = append(changes, effective.Diff(before, after)...)
		for _, target := range part {
			pairs = append(pairs, sides{before.Get(target), after.Get(target)})
			for _, paths := range effective.Compare(before.Get(target), after.Get(target)) {
				broken.add(target, paths)
			}
		}
	}
	v.Impact = impactOf(changes)
	v.tooLarge(pairs, e)
	for _, b := range broken.list {
		if b.ours {
			v.Refusals = append(v.Refusals, b.refusal(v))
		} else {
			v.notices = append(v.notices, b.notice(v))
		}
	}
	v.targets = make(map[hierarchy.Ref]*effective.Target, len(pairs))
	for i, target := range touched {
		v.targets[target] = pairs[i].after
	}
	err := v.ask(ctx, e, rails, pairs)
	return v, err
}

// sides are what a target came to before the edit, and comes to after it.
type sides struct{ before, after *effective.Target }

// ask asks the guardrails about every target.
func (v *Verdict) ask(ctx context.Context, e Edit, rails []*guardrail.Guardrail, pairs []sides) error {
	j := newJudge(rails, v.Before, v.After, e.document(v.Impact), e.Enforced)
	j.mayRead = e.MayRead
	j.deletes = len(e.set()) == 0
	if e.MaxPaths > 0 {
		j.counting = true
		for _, target := range pairs {
			if err := j.target(ctx, target.before, target.after); err != nil {
				return err
			}
		}
		j.counting = false
		v.tooMany(j, e)
	}
	for i, target := range pairs {
		if err := j.target(ctx, target.before, target.after); err != nil {
			var u *Unfinished
			if errors.As(err, &u) {
				u.Done, u.All = i, len(pairs)
			}
			return err
		}
	}
	v.Violations, v.judge = j.violations(), j
	return nil
}

// results are what the routes and Gateways come to that an object of the edit touches, sorted.
func (v Verdict) results(ref hierarchy.Ref) []*effective.Target {
	var list []*effective.Target
	for _, target := range v.After.Touched(ref) {
		if e := v.targets[target]; e != nil {
			list = append(list, e)
		}
	}
	return list
}

// Target is what a route or a Gateway that the edit touches comes to; nil when there is none.
func (v Verdict) Target(ref hierarchy.Ref) *effective.Target { return v.targets[ref] }

// Targets are the routes and Gateways that the edit touches, sorted.
func (v Verdict) Targets() []hierarchy.Ref {
	return slices.SortedFunc(maps.Keys(v.targets), hierarchy.Compare)
}

// Unfinished is the error of a review that came to no end.
type Unfinished struct {
	// Done of All routes and Gateways had been looked at.
	Done, All int
	// Guardrail is the one that was being asked; empty when effective policies
	// were still being worked out.
	Guardrail string
	err       error
}

// Error says how far the review got.
func (u *Unfinished) Error() string {
	if u.Guardrail == "" {
		return fmt.Sprintf("%d of %s were worked out", u.Done, prose.Count(u.All, "effective policy"))
	}
	return fmt.Sprintf("guardrail %s was being asked after %d of %s", u.Guardrail, u.Done, prose.Count(u.All, "effective policy"))
}

// Unwrap is why it came to no end: the context's error.
func (u *Unfinished) Unwrap() error { return u.err }

// touched lists the routes and Gateways that any object of the edit touches,
// before or after, sorted.
func (v Verdict) touched(e Edit) []hierarchy.Ref {
	var touched []hierarchy.Ref
	for _, ref := range e.refs() {
		touched = append(touched, v.Before.Touched(ref)...)
		touched = append(touched, v.After.Touched(ref)...)
	}
	slices.SortFunc(touched, hierarchy.Compare)
	return slices.Compact(touched)
}

// Impact is what an edit changes.
type Impact struct {
	Changes []effective.Change
	// Routes and Gateways count the targets with changes; Namespaces are those
	// of the routes, sorted.
	Routes, Gateways int
	Namespaces       []string
}

func impactOf(changes []effective.Change) Impact {
	impact := Impact{Changes: changes}
	var last hierarchy.Ref
	for _, c := range changes {
		if c.Target == last {
			continue
		}
		last = c.Target
		if c.Target.GroupKind == hierarchy.GatewayKind {
			impact.Gateways++
			continue
		}
		impact.Routes++
		impact.Namespaces = append(impact.Namespaces, c.Target.Namespace)
	}
	slices.Sort(impact.Namespaces)
	impact.Namespaces = slices.Compact(impact.Namespaces)
	return impact
}
