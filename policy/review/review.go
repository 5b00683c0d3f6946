package review

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
)

// Verdict is the result of a review.
type Verdict struct {
	// Refusals refuse the edit whatever guardrails say.
	Refusals []Refusal
	// Violations are the violations of all guardrails that are new or worse, sorted.
	Violations []evaluate.Violation
	Impact     evaluate.Impact
	// Before and After are the worlds that were compared.
	Before, After *policy.Snapshot

	edit    Edit
	notices []Notice
	// reached are the routes and Gateways that each object of the edit touches after the edit.
	reached map[hierarchy.Ref][]hierarchy.Ref
	// compared are their results before and after; nil where the review was not finished.
	compared *compared
	// evaluator has run the guardrails; nil when none was run.
	evaluator *evaluate.Evaluator
	unjudged  string
}

// Unjudged is why some guardrails were not evaluated in this review of an edit of the platform, which
// the publication gate evaluates; empty when all of them were.
func (v Verdict) Unjudged() string { return v.unjudged }

// Denied reports whether the edit is refused, by a guardrail or because it is wrong.
func (v Verdict) Denied() bool { return len(v.Refusals) > 0 || len(v.By(guardrail.Deny)) > 0 }

// Excepted are the violations that exceptions permit.
func (v Verdict) Excepted() []evaluate.Covered {
	if v.evaluator == nil {
		return nil
	}
	return v.evaluator.Covered()
}

// By lists the violations of guardrails with a given enforcement.
func (v Verdict) By(e guardrail.Enforcement) []evaluate.Violation {
	var list []evaluate.Violation
	for _, violation := range v.Violations {
		if violation.Enforcement == e {
			list = append(list, violation)
		}
	}
	return list
}

// chunk is how many targets are resolved between two checks of the context. One may have a thousand
// paths.
const chunk = 8

// Review says what an edit would do to the effective policies of a snapshot,
// whether it is possible, and what guardrails say about it. When the context ends,
// it stops with the context's error.
func Review(ctx context.Context, s *policy.Snapshot, e Edit, guardrails []*guardrail.Guardrail) (Verdict, error) {
	return On(ctx, effective.NewResolver(s), e, guardrails)
}

// On is Review with a resolver of the snapshot, which may already have folded some of what the
// edit touches.
func On(ctx context.Context, r *effective.Resolver, e Edit, guardrails []*guardrail.Guardrail) (Verdict, error) {
	v, unreadable := e.apply(r.Snapshot())
	v.attach(e, unreadable)
	touched := v.touched(e)
	if e.Wide != nil {
		if kept, memory := e.Wide(len(touched)); kept != nil {
			r, e.Memory = kept, memory
		}
	}
	old := r
	if v.Before != r.Snapshot() {
		old = r.On(v.Before)
	}
	now := old.On(v.After)
	v.room(e)
	if v.tooWide(touched, old, now, e) {
		return v, nil
	}
	broken := &invalidity{before: v.Before, after: v.After, set: map[hierarchy.Ref]bool{}, above: map[hierarchy.Ref]*effective.Target{}}
	for _, u := range e.set() {
		broken.set[hierarchy.RefOf(u)] = true
	}
	pairs, seen := make([]sides, 0, len(touched)), results{}
	var large []sides
	for part := range slices.Chunk(touched, chunk) {
		if err := ctx.Err(); err != nil {
			return v, &evaluate.Unfinished{Done: len(pairs), All: len(touched), Err: err}
		}
		for _, target := range part {
			before, after := effective.Both(old, now, target)
			pair := sides{before, after}
			pairs = append(pairs, pair)
			size, valid := seen.of(pair.after)
			if size > maxPublished {
				large = append(large, pair)
			}
			if valid {
				continue
			}
			for _, paths := range effective.Compare(pair.before, pair.after) {
				broken.add(target, paths)
			}
		}
	}
	v.compared = compare(touched, pairs)
	v.Impact = evaluate.ImpactOn(v.compared.differing())
	v.tooLarge(large, e)
	for _, b := range broken.list {
		if b.ours {
			v.Refusals = append(v.Refusals, b.refusal(v))
		} else {
			v.notices = append(v.notices, b.notice(v))
		}
	}
	err := v.ask(ctx, e, guardrails, pairs)
	return v, err
}

// sides are the results of a target before and after the edit.
type sides struct{ before, after *effective.Target }

// ask runs the guardrails on every target.
func (v *Verdict) ask(ctx context.Context, e Edit, guardrails []*guardrail.Guardrail, pairs []sides) error {
	x := evaluate.New(evaluate.Options{
		Guardrails: guardrails, Before: v.Before, After: v.After, Edit: e.document(v.Impact), Deletes: len(e.set()) == 0,
		MayRead: e.MayRead, Enforced: e.Enforced, Memory: e.Memory, Resolved: true,
	})
	if e.MaxPaths > 0 {
		for _, target := range pairs {
			if err := x.Count(ctx, target.before, target.after); err != nil {
				return err
			}
		}
		v.tooMany(x, e)
	}
	for i, target := range pairs {
		if err := x.Target(ctx, target.before, target.after); err != nil {
			var u *evaluate.Unfinished
			if errors.As(err, &u) {
				u.Done, u.All = i, len(pairs)
			}
			return err
		}
	}
	v.Violations, v.evaluator = x.Violations(), x
	return nil
}

// results yields the results of the routes and Gateways that an object of the edit touches, sorted.
func (v Verdict) results(ref hierarchy.Ref) iter.Seq[*effective.Target] {
	return func(yield func(*effective.Target) bool) {
		if v.compared == nil {
			return
		}
		all, pairs := v.compared.targets, v.compared.pairs
		for _, target := range v.reached[ref] {
			for len(all) > 0 && hierarchy.Compare(all[0], target) < 0 {
				all, pairs = all[1:], pairs[1:]
			}
			if len(all) > 0 && all[0] == target && pairs[0].after != nil && !yield(pairs[0].after) {
				return
			}
		}
	}
}

// policies yields the effective policies of one kind of the routes and Gateways that an object of the edit
// touches, each once.
func (v Verdict) policies(ref hierarchy.Ref, kind string) iter.Seq[*effective.Policy] {
	return func(yield func(*effective.Policy) bool) {
		seen := map[*effective.Policy]bool{}
		for e := range v.results(ref) {
			for _, scope := range e.Scopes {
				m, has := scope.Result.Kind(kind)
				if !has || seen[m] {
					continue
				}
				if seen[m] = true; !yield(m) {
					return
				}
			}
		}
	}
}

// Target is the result of a route or Gateway that the edit touches; nil when there is none.
func (v Verdict) Target(ref hierarchy.Ref) *effective.Target {
	if v.compared == nil {
		return nil
	}
	i, touched := slices.BinarySearchFunc(v.compared.targets, ref, hierarchy.Compare)
	if !touched {
		return nil
	}
	return v.compared.pairs[i].after
}

// Targets are the routes and Gateways that the edit touches, sorted.
func (v Verdict) Targets() []hierarchy.Ref {
	if v.compared == nil {
		return nil
	}
	return slices.Clone(v.compared.targets)
}

// Publishable reports whether the result that an edit gives a target can be published without knowing
// what is published now. See evaluate.Publishable.
func (v Verdict) Publishable(ctx context.Context, target hierarchy.Ref, isNew bool) (bool, error) {
	return v.evaluator.Publishable(ctx, v.Target(target), isNew)
}

// touched lists the routes and Gateways that any object of the edit touches,
// before or after, sorted.
func (v *Verdict) touched(e Edit) []hierarchy.Ref {
	var touched []hierarchy.Ref
	v.reached = map[hierarchy.Ref][]hierarchy.Ref{}
	refs := e.refs()
	for _, ref := range refs {
		after := v.After.Touched(ref)
		before := after
		if v.reached[ref] = after; !v.reachesTheSame(ref) {
			before = v.Before.Touched(ref)
		}
		if touched == nil && slices.Equal(before, after) {
			if touched = slices.Clip(after); len(refs) == 1 {
				return touched
			}
			continue
		}
		touched = append(append(touched, before...), after...)
	}
	if slices.IsSortedFunc(touched, hierarchy.Compare) {
		return slices.Compact(slices.Clone(touched))
	}
	slices.SortFunc(touched, hierarchy.Compare)
	return slices.Compact(touched)
}

// reachesTheSame reports whether an object is a policy that touches the same before and after the edit:
// it names the same targets on the same hierarchy.
func (v *Verdict) reachesTheSame(ref hierarchy.Ref) bool {
	was, before := v.Before.Policy(ref)
	is, after := v.After.Policy(ref)
	return before && after && v.Before.Graph() == v.After.Graph() &&
		len(was.Selectors) == 0 && len(is.Selectors) == 0 && slices.Equal(was.Targets, is.Targets)
}
