package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/terminal"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/source"
)

// changeFlags say what is edited, and how.
type changeFlags struct {
	// base are manifests of the world that is edited, in place of a cluster.
	base []string
	// empty says that without base the world is empty, rather than the cluster.
	empty bool
	// remove says that the objects are removed, rather than applied.
	remove bool
	// keepRefused says that objects which a server would refuse are part of the
	// answer, rather than bad input.
	keepRefused bool
	// prune says that what is in base and not among the manifests is removed.
	prune bool
	// staying says that what is in base alone is always told of, and not only where a
	// folder is given, which is likely to be all there is.
	staying bool
}

func (f *changeFlags) add(cmd *cobra.Command, instead string) {
	cmd.Flags().StringArrayVar(&f.base, "base", nil, "manifests of the current state, instead of "+instead+": a file, a folder, or - for standard input; may be repeated")
	cmd.Flags().BoolVar(&f.remove, "delete", false, "the objects are removed, not applied")
	cmd.Flags().BoolVar(&f.prune, "prune", false, "objects of --base that are not in -f are removed")
	cmd.MarkFlagsMutuallyExclusive("delete", "prune")
}

// baseline is what an edit is made to.
type baseline struct {
	settings policy.Options
	// say is told what was read of manifests, and what was passed over.
	say func(*source.Input)
	// progress shows how far the reading of an edit is; nil where nobody waits for it.
	progress func(what string) *terminal.Progress
	objects  []*unstructured.Unstructured // CRDs first
	places   map[hierarchy.Ref]string
	// namespace is that of objects which do not say theirs.
	namespace string
	// unknown are objects of kinds that have no definition, such as those of data planes' APIs.
	unknown []*unstructured.Unstructured
	// exporters are those that are switched on.
	exporters enforcement.Config
	// snapshot is what the objects come to, if that is known already.
	snapshot *policy.Snapshot
	// old returns the whole object that there is, or nil; stored what would be
	// stored if the manifest of an object that there is were applied.
	old    func(hierarchy.Ref) (*unstructured.Unstructured, error)
	stored func(old, manifest *unstructured.Unstructured) (*unstructured.Unstructured, error)
}

// loadChange reads the world and the edit that the flags ask for. Problems of
// single objects of the world do not stop the work, and are warnings.
func loadChange(ctx context.Context, o *sharedFlags, f changeFlags) (*preview.Change, error) {
	if len(o.files) == 0 {
		return nil, errors.New("no manifests given: use -f FILE")
	}
	if slices.Contains(o.files, "-") && slices.Contains(f.base, "-") {
		return nil, errors.New("-f - and --base - are both standard input: give one of them as a file")
	}
	around, err := baselineOf(ctx, o, f)
	if err != nil {
		return nil, err
	}
	if f.prune && len(f.base) == 0 {
		return nil, errors.New("--prune compares two sets of manifests: give the other one with --base")
	}
	c, warnings, err := around.change(ctx, o.files, source.Options{
		Recursive:   o.recursive,
		Strict:      o.strict,
		KeepRefused: f.keepRefused,
		Stdin:       o.streams.In,
	}, f.remove)
	for _, text := range warnings {
		o.note("warning: %s", text)
	}
	if err == nil && o.settingsUnknown {
		c.PlatformUnknown = true
		after, _ := c.Before.With(manifestObjects(c.Manifests)...)
		o.sayUnknown(after)
	}
	if err == nil && !f.remove {
		prune(o, c, around, f)
	}
	return c, err
}

// prune removes what is in the other manifests and not among these, or says that
// it is taken to stay.
func prune(o *sharedFlags, c *preview.Change, around *baseline, f changeFlags) {
	given := map[hierarchy.Ref]bool{}
	for _, m := range slices.Concat(c.Manifests, c.Refused) {
		given[hierarchy.RefOf(m.Object)] = true
	}
	var gone []*unstructured.Unstructured
	for _, u := range around.objects {
		if ref := hierarchy.RefOf(u); around.places[ref] != "" && !given[ref] {
			gone = append(gone, u)
		}
	}
	isFolder := func(path string) bool { stat, err := os.Stat(path); return err == nil && stat.IsDir() }
	switch {
	case f.prune:
		c.Pruned = gone
	case len(gone) > 0 && len(f.base) > 0 && (f.staying || slices.ContainsFunc(o.files, isFolder)):
		verb := "are not in -f and stay; --prune removes them"
		if len(gone) == 1 {
			verb = "is not in -f and stays; --prune removes it"
		}
		o.note("note: %s of --base %s", prose.Count(len(gone), "object"), verb)
	}
}

// change reads an edit, in which objects are applied or removed.
func (s *baseline) change(ctx context.Context, paths []string, options source.Options, remove bool) (*preview.Change, []string, error) {
	c := &preview.Change{Remove: remove}
	var problems []hierarchy.Problem
	if s.snapshot == nil {
		s.snapshot, problems = policy.NewSnapshot(s.settings).With(s.objects...)
	}
	c.Before = s.snapshot
	var warnings []string
	for _, p := range problems {
		warnings = append(warnings, problemText(p, s.places[p.Ref.Object()]))
	}
	for _, u := range s.objects {
		switch {
		case crd.Is(u):
			options.Definitions = append(options.Definitions, u)
		case preview.IsGuardrail(u):
			c.Guardrails = append(c.Guardrails, u)
		}
	}
	options.Namespace = s.namespace
	options.Undefined = undefined(s.settings)
	options.KeepRefused = options.KeepRefused || remove
	in, err := s.read(ctx, paths, options)
	if err != nil {
		return nil, warnings, err
	}
	// Kinds that are known without a CRD are known before the edit.
	if len(in.StandIns) > 0 {
		c.Before, _ = c.Before.With(in.StandIns...)
	}
	s.say(in)
	c.PassedOver = passedOver(in)
	for _, d := range in.Unknown {
		c.Unknown = append(c.Unknown, manifestOf(d))
	}
	documents := in.Documents
	if remove { // who removes an object need only name it
		documents = slices.Concat(in.Documents, in.Refused)
	} else {
		c.Refused, c.Problems = refusedBySchema(in)
	}
	missing, err := s.settle(c, documents)
	c.Enforced = outcomesBy(s.exporters, in.Schemas.CRDs(), s.objects, s.unknown, manifestObjects(c.Manifests), manifestObjects(c.Unknown))
	return c, append(warnings, missing...), err
}

// read reads the manifests of an edit.
func (s *baseline) read(ctx context.Context, paths []string, options source.Options) (*source.Input, error) {
	if s.progress != nil {
		said := s.progress("objects of the edit checked")
		defer said.End()
		options.Progress = said.At
	}
	return source.New(paths, options).Read(ctx)
}

// settle finds out which of the manifests there are already, and what would be
// stored in their place. It warns of what is not there to be removed.
func (s *baseline) settle(c *preview.Change, documents []source.Document) (warnings []string, err error) {
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

// refusedBySchema is what a server would not store, and why.
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

// baselineOf is what the flags say that is edited: manifests, the cluster, or nothing.
func baselineOf(ctx context.Context, o *sharedFlags, f changeFlags) (*baseline, error) {
	settings, err := o.settings()
	switch {
	case err != nil:
		return nil, err
	case len(f.base) > 0:
		in, err := o.readManifests(ctx, f.base, source.Options{Namespace: *o.config.Namespace, Stdin: o.streams.In})
		if err != nil {
			return nil, err
		}
		around := baselineOfFiles(in, *o.config.Namespace)
		around.settings, around.say, around.progress = settings, o.sayPassedOver, o.progress
		return around, nil
	case !f.empty:
		return baselineOfCluster(ctx, o)
	}
	builtin, err := source.Builtin()
	if err != nil {
		return nil, err
	}
	return &baseline{
		exporters: allExporters,
		settings:  settings, say: o.sayPassedOver, progress: o.progress,
		objects:   builtin.CRDs(),
		namespace: *o.config.Namespace,
		old:       func(hierarchy.Ref) (*unstructured.Unstructured, error) { return nil, nil },
	}, nil
}

// beforeAllEdits is the age of objects in manifests of a world: what is there is
// older than what is about to be created, and among itself of one age.
var beforeAllEdits = metav1.NewTime(time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC))

// baselineOfFiles are manifests that an edit is made to.
func baselineOfFiles(in *source.Input, namespace string) *baseline {
	around := &baseline{exporters: allExporters, objects: in.Objects(), places: map[hierarchy.Ref]string{}, namespace: namespace}
	known := make(map[hierarchy.Ref]*unstructured.Unstructured, len(in.Documents))
	for _, d := range in.Documents {
		ref := hierarchy.RefOf(d.Object)
		if d.Object.GetCreationTimestamp().Time.IsZero() && !crd.Is(d.Object) {
			d.Object.SetCreationTimestamp(beforeAllEdits)
		}
		known[ref], around.places[ref] = d.Object, d.Place()
	}
	for _, d := range in.Unknown {
		around.unknown = append(around.unknown, d.Object)
	}
	around.old = func(ref hierarchy.Ref) (*unstructured.Unstructured, error) { return known[ref], nil }
	around.stored = func(old, manifest *unstructured.Unstructured) (*unstructured.Unstructured, error) {
		stored := manifest.DeepCopy()
		stored.SetCreationTimestamp(old.GetCreationTimestamp())
		return stored, nil
	}
	return around
}

// passedOver are the documents that were, as notes.
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

// orBase is for those who have no cluster to compare with.
const orBase = "to compare with manifests instead of a cluster, give them with --base"
