package guardrail

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Edit is what somebody is about to do.
type Edit struct {
	// Old and New are the object before and after; Old is nil for a creation,
	// New for a deletion. At admission Old is what the API server says it is,
	// which may be newer than the snapshot.
	Old, New *unstructured.Unstructured
	// Also are further objects that are set, and Remove objects that are
	// removed, in the same breath: a folder of manifests is one edit.
	Also   []*unstructured.Unstructured
	Remove []hierarchy.Ref
	// Operation is CREATE, UPDATE or DELETE; empty when it is not one.
	Operation string
	// User is who does it: username, groups. Nil outside admission.
	User map[string]any
	// MayRead says which namespaces that person may read; nil is every one.
	MayRead Reader
}

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
}

// Denied says whether the edit is refused, by a guardrail or because it is wrong.
func (v Verdict) Denied() bool { return len(v.Refusals) > 0 || len(v.By(Deny)) > 0 }

// By lists the violations of guardrails with one enforcement.
func (v Verdict) By(e Enforcement) []Violation {
	var list []Violation
	for _, violation := range v.Violations {
		if violation.Enforcement == e {
			list = append(list, violation)
		}
	}
	return list
}

// chunk is how many targets are resolved between two looks at the clock.
const chunk = 512

// Review says what an edit would do to the effective policies of a snapshot,
// whether it can be, and what guardrails say to it. It stops with the context's
// error when that ends.
func Review(ctx context.Context, s *policy.Snapshot, e Edit, rails []*Guardrail) (Verdict, error) {
	v, unreadable := e.apply(s)
	v.attach(e, unreadable)
	touched := v.touched(e)
	old, now := effective.NewResolver(v.Before), effective.NewResolver(v.After)
	broken := &invalidity{before: v.Before, above: map[hierarchy.Ref]*effective.Target{}}
	type sides struct{ before, after *effective.Target }
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
	for _, b := range broken.list {
		v.Refusals = append(v.Refusals, b.refusal(e, e.MayRead))
	}
	j := newJudge(rails, v.Before, v.After, e.document(v.Impact))
	j.mayRead = e.MayRead
	j.deletes = e.New == nil && len(e.Also) == 0
	for i, target := range pairs {
		if err := j.target(ctx, target.before, target.after); err != nil {
			var u *Unfinished
			if errors.As(err, &u) {
				u.Done, u.All = i, len(touched)
			}
			return v, err
		}
	}
	v.Violations = j.violations()
	return v, nil
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

// apply makes the worlds before and after the edit, and says what could not be
// read in its objects.
func (e Edit) apply(s *policy.Snapshot) (Verdict, []hierarchy.Problem) {
	before := s
	if e.Old != nil {
		before, _ = s.With(e.Old)
	}
	after := before
	if e.Old != nil && e.New == nil {
		after = after.Without(hierarchy.RefOf(e.Old))
	}
	if len(e.Remove) > 0 {
		after = after.Without(e.Remove...)
	}
	var problems []hierarchy.Problem
	if set := e.set(); len(set) > 0 {
		after, problems = after.With(set...)
	}
	return Verdict{Before: before, After: after, edit: e}, problems
}

// set are the objects as they would be after the edit.
func (e Edit) set() []*unstructured.Unstructured {
	if e.New == nil {
		return e.Also
	}
	return append(slices.Clone(e.Also), e.New)
}

// touched lists the routes and Gateways that any object of the edit touches,
// before or after, sorted.
func (v Verdict) touched(e Edit) []hierarchy.Ref {
	var touched []hierarchy.Ref
	for _, ref := range append(e.refs(), e.Remove...) {
		touched = append(touched, v.Before.Touched(ref)...)
		touched = append(touched, v.After.Touched(ref)...)
	}
	slices.SortFunc(touched, hierarchy.Compare)
	return slices.Compact(touched)
}

// objects are all objects that an edit is about.
func (e Edit) objects() []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for _, u := range append([]*unstructured.Unstructured{e.Old, e.New}, e.Also...) {
		if u != nil {
			list = append(list, u)
		}
	}
	return list
}

func (e Edit) refs() []hierarchy.Ref {
	var refs []hierarchy.Ref
	for _, u := range e.objects() {
		refs = append(refs, hierarchy.RefOf(u))
	}
	return refs
}

// document is the part of the input that is the same on every path.
func (e Edit) document(impact Impact) Input {
	in := Input{"change": map[string]any{
		"routes":     int64(impact.Routes),
		"gateways":   int64(impact.Gateways),
		"namespaces": int64(len(impact.Namespaces)),
	}}
	if e.New != nil {
		in["object"] = e.New.Object
	}
	if e.Old != nil {
		in["oldObject"] = e.Old.Object
	}
	if e.Operation != "" {
		in["operation"] = e.Operation
	}
	if e.User != nil {
		in["user"] = e.User
	}
	return in
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

// Judge is the review of one target whose effective policy changed, without an
// edit: the publication gate asks it before it writes. before is what is
// published now. Rules that need an edit are passed over.
func Judge(ctx context.Context, s *policy.Snapshot, before, after *effective.Target, rails []*Guardrail) ([]Violation, error) {
	j := newJudge(rails, s, s, nil)
	if err := j.target(ctx, before, after); err != nil {
		return nil, err
	}
	return j.violations(), nil
}

// Existing lists all violations that there are, of all guardrails, as if each path
// were new. Rules that need an edit are passed over.
func Existing(ctx context.Context, s *policy.Snapshot, r effective.Resolution, rails []*Guardrail) ([]Violation, error) {
	j := newJudge(rails, s, s, nil)
	j.audit = true
	for e := range r.All() {
		if err := j.target(ctx, e, e); err != nil {
			return nil, err
		}
	}
	return j.violations(), nil
}
