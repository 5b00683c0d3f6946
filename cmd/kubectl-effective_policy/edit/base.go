package edit

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/source"
)

// Base is what an edit is made to.
type Base struct {
	Settings policy.Options
	// Say is called with what was read from manifests, and what was passed over.
	Say func(*source.Input)
	// progress shows the progress of reading an edit; nil if nobody waits for it.
	progress func(what string) *terminal.Progress
	Objects  []*unstructured.Unstructured // CRDs first
	places   map[hierarchy.Ref]string
	// namespace is the namespace of objects that do not state one.
	namespace string
	// unknown are objects of kinds that have no definition, such as those of data planes' APIs.
	unknown []*unstructured.Unstructured
	// exporters are the exporters that are switched on.
	exporters enforcement.Config
	// Snapshot is the snapshot of the objects, if it is known already.
	Snapshot *policy.Snapshot
	// old returns the whole existing object, or nil; stored returns what would be stored if the
	// manifest of an existing object were applied.
	old    func(hierarchy.Ref) (*unstructured.Unstructured, error)
	stored func(old, manifest *unstructured.Unstructured) (*unstructured.Unstructured, error)
}

// Change reads an edit, in which objects are applied or removed.
func (s *Base) Change(ctx context.Context, paths []string, options source.Options, remove bool) (*preview.Change, []string, error) {
	c := &preview.Change{Remove: remove}
	var problems []hierarchy.Problem
	if s.Snapshot == nil {
		s.Snapshot, problems = policy.NewSnapshot(s.Settings).With(s.Objects...)
	}
	c.Before = s.Snapshot
	var warnings []string
	for _, p := range problems {
		warnings = append(warnings, workspace.ProblemText(p, s.places[p.Ref.Object()]))
	}
	for _, u := range s.Objects {
		switch {
		case crd.Is(u):
			options.Definitions = append(options.Definitions, u)
		case preview.IsGuardrail(u):
			c.Guardrails = append(c.Guardrails, u)
		}
	}
	options.Namespace = s.namespace
	options.Undefined = workspace.Undefined(s.Settings)
	options.KeepRefused = options.KeepRefused || remove
	in, err := s.read(ctx, paths, options)
	if err != nil {
		return nil, warnings, err
	}
	// Kinds that are known without a CRD are known before the edit, too.
	if len(in.StandIns) > 0 {
		c.Before, _ = c.Before.With(in.StandIns...)
	}
	s.Say(in)
	c.PassedOver = passedOver(in)
	for _, d := range in.Unknown {
		c.Unknown = append(c.Unknown, manifestOf(d))
	}
	documents := in.Documents
	if remove { // to remove an object, its name is enough
		documents = slices.Concat(in.Documents, in.Refused)
	} else {
		c.Refused, c.Problems = refusedBySchema(in)
	}
	missing, err := s.settle(c, documents)
	c.Enforced = planes.Outcomes(s.exporters, in.Schemas.CRDs(), s.Objects, s.unknown, manifestObjects(c.Manifests), manifestObjects(c.Unknown))
	return c, append(warnings, missing...), err
}

// read reads the manifests of an edit.
func (s *Base) read(ctx context.Context, paths []string, options source.Options) (*source.Input, error) {
	if s.progress != nil {
		said := s.progress("objects of the edit checked")
		defer said.End()
		options.Progress = said.At
	}
	return source.New(paths, options).Read(ctx)
}

// settle finds the existing objects of the manifests, and what would be stored in their place. It
// warns about objects to be removed that do not exist.
func (s *Base) settle(c *preview.Change, documents []source.Document) (warnings []string, err error) {
	for _, d := range documents {
		ref := hierarchy.RefOf(d.Object)
		old, err := s.old(ref)
		if err != nil {
			return warnings, err
		}
		switch {
		case old == nil && c.Remove:
			warnings = append(warnings, fmt.Sprintf("%s: there is no %s to delete", d.Place(), ref))
			continue
		case old != nil && !c.Remove:
			if d.Object, err = s.stored(old, d.Object); err != nil {
				return warnings, fmt.Errorf("%s: %w", d.Place(), err)
			}
		}
		c.Manifests = append(c.Manifests, manifestOf(d))
		c.Old = append(c.Old, old)
	}
	return warnings, nil
}

func manifestObjects(manifests []preview.Manifest) []*unstructured.Unstructured {
	objects := make([]*unstructured.Unstructured, len(manifests))
	for i, m := range manifests {
		objects[i] = m.Object
	}
	return objects
}

func manifestOf(d source.Document) preview.Manifest {
	return preview.Manifest{Object: d.Object, File: d.File, Document: d.Index, Item: d.Item, Line: d.Line, LineOf: d.LineOf}
}

// refusedBySchema returns what a server would not store, and why.
func refusedBySchema(in *source.Input) (refused []preview.Manifest, problems []preview.Finding) {
	for _, d := range in.Refused {
		refused = append(refused, manifestOf(d))
	}
	for _, p := range in.Problems {
		problems = append(problems, preview.Finding{
			Level: preview.Denied, Rule: preview.SchemaRule, Object: p.Object, Field: p.Field, Message: p.Message,
			File: p.File, Document: p.Document, Item: p.Item, Line: p.Line,
		})
	}
	return refused, problems
}

// passedOver returns notes about the documents that were passed over.
func passedOver(in *source.Input) []preview.Finding {
	var findings []preview.Finding
	for _, p := range in.PassedOver {
		findings = append(findings, preview.Finding{
			Level: preview.Note, Rule: preview.PassedOverRule, Object: p.Object, Field: p.Field, Message: "passed over: " + p.Message,
			File: p.File, Document: p.Document, Item: p.Item, Line: p.Line,
		})
	}
	return findings
}
