package edit

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/source"
)

// Flags say what an edit changes, and how.
type Flags struct {
	// Base are manifests of the state before the edit, instead of a cluster.
	Base []string
	// Empty means that without Base the state before is empty, rather than the cluster.
	Empty bool
	// Remove means that the objects are removed, rather than applied.
	Remove bool
	// KeepRefused means that objects that a server would refuse are part of the answer, rather than
	// invalid input.
	KeepRefused bool
	// Prune means that objects of Base that are not among the manifests are removed.
	Prune bool
	// Staying means that objects that are only in Base are always reported, and not only if a folder
	// is given, which probably contains everything.
	Staying bool
}

// Add adds the flags to a command. instead is what the base replaces.
func (f *Flags) Add(cmd *cobra.Command, instead string) {
	cmd.Flags().StringArrayVar(&f.Base, "base", nil, "manifests of the current state, instead of "+instead+": a file, a folder, or - for standard input; may be repeated")
	cmd.Flags().BoolVar(&f.Remove, "delete", false, "the objects are removed, not applied")
	cmd.Flags().BoolVar(&f.Prune, "prune", false, "objects of --base that are not in -f are removed")
	cmd.MarkFlagsMutuallyExclusive("delete", "prune")
}

// Load reads the state before and the edit that the flags describe. Problems of single existing
// objects are only warnings.
func Load(ctx context.Context, o *workspace.Flags, f Flags) (*preview.Change, error) {
	if len(o.Files) == 0 {
		return nil, errors.New("no manifests given: use -f FILE")
	}
	if slices.Contains(o.Files, "-") && slices.Contains(f.Base, "-") {
		return nil, errors.New("-f - and --base - are both standard input: give one of them as a file")
	}
	around, err := baseOf(ctx, o, f)
	if err != nil {
		return nil, err
	}
	if f.Prune && len(f.Base) == 0 {
		return nil, errors.New("--prune compares two sets of manifests: give the other one with --base")
	}
	c, warnings, err := around.Change(ctx, o.Files, source.Options{
		Recursive:   o.Recursive,
		Strict:      o.Strict,
		KeepRefused: f.KeepRefused,
		Stdin:       o.Streams.In,
	}, f.Remove)
	for _, text := range warnings {
		o.Note("warning: %s", text)
	}
	if err == nil && o.SettingsUnknown {
		c.PlatformUnknown = true
		after, _ := c.Before.With(manifestObjects(c.Manifests)...)
		o.SayUnknown(after)
	}
	if err == nil && !f.Remove {
		prune(o, c, around, f)
	}
	return c, err
}

// prune removes objects that are only in the other manifests, or notes that they are assumed to
// stay.
func prune(o *workspace.Flags, c *preview.Change, around *Base, f Flags) {
	given := map[hierarchy.Ref]bool{}
	for _, m := range slices.Concat(c.Manifests, c.Refused) {
		given[hierarchy.RefOf(m.Object)] = true
	}
	var gone []*unstructured.Unstructured
	for _, u := range around.Objects {
		if ref := hierarchy.RefOf(u); around.places[ref] != "" && !given[ref] {
			gone = append(gone, u)
		}
	}
	isFolder := func(path string) bool { stat, err := os.Stat(path); return err == nil && stat.IsDir() }
	switch {
	case f.Prune:
		c.Pruned = gone
	case len(gone) > 0 && len(f.Base) > 0 && (f.Staying || slices.ContainsFunc(o.Files, isFolder)):
		verb := "are not in -f and stay; --prune removes them"
		if len(gone) == 1 {
			verb = "is not in -f and stays; --prune removes it"
		}
		o.Note("note: %s of --base %s", prose.Count(len(gone), "object"), verb)
	}
}

// baseOf returns the state before the edit according to the flags: manifests, the cluster, or
// nothing.
func baseOf(ctx context.Context, o *workspace.Flags, f Flags) (*Base, error) {
	settings, err := o.Settings()
	switch {
	case err != nil:
		return nil, err
	case len(f.Base) > 0:
		in, err := o.ReadManifests(ctx, f.Base, source.Options{Namespace: *o.Config.Namespace, Stdin: o.Streams.In})
		if err != nil {
			return nil, err
		}
		around := OfFiles(in, *o.Config.Namespace)
		around.Settings, around.Say, around.progress = settings, o.SayPassedOver, o.Progress
		return around, nil
	case !f.Empty:
		return OfCluster(ctx, o)
	}
	builtin, err := source.Builtin()
	if err != nil {
		return nil, err
	}
	return &Base{
		exporters: planes.AllExporters,
		Settings:  settings, Say: o.SayPassedOver, progress: o.Progress,
		Objects:   builtin.CRDs(),
		namespace: *o.Config.Namespace,
		old:       func(hierarchy.Ref) (*unstructured.Unstructured, error) { return nil, nil },
	}, nil
}

// orBase is advice for users without a cluster to compare with.
const orBase = "to compare with manifests instead of a cluster, give them with --base"
