package edits

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/validate"
)

// Compilers are those of every binary.
var Compilers = guardrail.Compilers{CEL: celrule.Compile, Rego: regorule.Compile}

// Stage is a case as those see it who review it: what an API server would have
// stored, defaults included, and guardrails that are compiled.
type Stage struct {
	World      *policy.Snapshot
	Guardrails []*guardrail.Guardrail
	Change     review.ObjectChange
	Edit       review.Edit
}

// now is the time by which exceptions end. Those of the corpus ended long before, or
// end long after it, so that others can use the clock.
var now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// Stage sets up a case.
func (c *Case) Stage(ctx context.Context) (*Stage, error) {
	long := metav1.NewTime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	world, err := stored(ctx, c.World...)
	if err != nil {
		return nil, err
	}
	s := &Stage{}
	for _, d := range world.Documents {
		d.Object.SetCreationTimestamp(long)
		if hierarchy.RefOf(d.Object) == hierarchy.RefOf(c.Edit) {
			s.Change.Old = d.Object
		}
		if d.Object.GetKind() == "PolicyGuardrail" {
			g, problems := guardrail.Parse(d.Object, Compilers)
			if len(problems) > 0 {
				return nil, fmt.Errorf("guardrail %s: %v", g.Name, problems)
			}
			s.Guardrails = append(s.Guardrails, g)
		}
	}
	s.Guardrails = guardrail.At(s.Guardrails, now)
	snapshot, problems := policy.NewSnapshot(policy.Options{
		PlatformNamespaces: []string{Platform},
		Compile:            func(d crd.Definition) (policy.Validator, error) { return validate.Compile(d) },
	}).With(world.Objects()...)
	if len(problems) > 0 {
		return nil, fmt.Errorf("the world has problems: %v", problems)
	}
	s.World = snapshot
	if c.Delete {
		if s.Change.Old == nil {
			return nil, errors.New("there is nothing to delete")
		}
	} else {
		written, err := stored(ctx, c.Edit)
		if err != nil {
			return nil, err
		}
		if s.Change.New = written.Documents[0].Object; s.Change.Old != nil {
			s.Change.New.SetCreationTimestamp(long)
		}
	}
	s.Edit = review.Edit{
		Changes: []review.ObjectChange{s.Change}, Author: c.User.author(), MayRead: c.User.mayRead(c.Edit.GetNamespace()),
	}
	return s, nil
}

// stored reads objects as an API server would store them.
func stored(ctx context.Context, objects ...*unstructured.Unstructured) (*source.Input, error) {
	items := make([]any, len(objects))
	for i, u := range objects {
		items[i] = u.Object
	}
	data, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	if err != nil {
		return nil, err
	}
	return source.New([]string{"-"}, source.Options{Stdin: bytes.NewReader(data)}).Read(ctx)
}

// author is the user as the author of an edit.
func (u User) author() *review.Author {
	return &review.Author{Username: u.Username, Groups: u.Groups}
}

// mayRead is nil when the user may read everything.
func (u User) mayRead(own string) policy.Reader {
	if u.Reads == nil {
		return nil
	}
	return func(namespace string) bool { return namespace == own || slices.Contains(u.Reads, namespace) }
}

// VerdictOf is what a review of the case came to, as files say it.
func (c *Case) VerdictOf(v review.Verdict) Verdict {
	verdict := Verdict{Denied: v.Denied(), Warnings: v.Warnings()}
	if verdict.Denied {
		verdict.Message = v.Denial(hierarchy.RefOf(c.Edit).String())
	}
	return verdict
}
