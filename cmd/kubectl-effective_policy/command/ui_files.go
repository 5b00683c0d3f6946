package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/edit"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/workspace"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/console"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/source"
)

// uiSource reads what the page shows.
func (o *options) uiSource(ctx context.Context, flags *uiFlags) (uiWorld, error) {
	if len(o.Files) == 0 {
		return o.uiCluster(ctx)
	}
	read := *o.Flags
	if len(flags.base) > 0 {
		read.Files = flags.base
	}
	w, err := read.Load(ctx)
	if err != nil {
		return nil, err
	}
	return newUIFiles(ctx, &read, w)
}

// uiFiles shows manifests, which are read once.
type uiFiles struct {
	options *workspace.Flags
	loaded  *workspace.Workspace
	world   *view.World
	objects map[hierarchy.Ref]source.Document
	// around is the base of edits. Its snapshot is the world's, so that an edit resolves what it
	// touches and nothing else.
	around *edit.Base
}

func newUIFiles(ctx context.Context, o *workspace.Flags, w *workspace.Workspace) (*uiFiles, error) {
	settings, err := o.Settings()
	if err != nil {
		return nil, err
	}
	f := &uiFiles{options: o, loaded: w, objects: map[hierarchy.Ref]source.Document{}}
	f.around = edit.OfFiles(&source.Input{Documents: w.Documents, Schemas: w.Schemas}, *o.Config.Namespace)
	f.around.Settings, f.around.Say = settings, func(*source.Input) {}
	f.around.Snapshot, _ = policy.NewSnapshot(settings).With(f.around.Objects...) // the problems are w.problems
	w.Snapshot = f.around.Snapshot
	p := planes.Of(w)
	f.world = &view.World{
		Snapshot: f.around.Snapshot, Version: "1", Context: contextOfFiles(o.Files), Files: true, Namespace: w.Namespace,
		Problems: w.Problems, Unread: w.Unread, Exists: o.Existence(ctx, w), Place: f.place,
		Enforced: func(_ context.Context, route hierarchy.Ref) []any { return p.EnforcedObjects(route) },
		Outcomes: p.Outcomes(),
	}
	for _, d := range w.Documents {
		f.objects[hierarchy.RefOf(d.Object)] = d
		if preview.IsGuardrail(d.Object) {
			f.world.Guardrails = append(f.world.Guardrails, edit.AsWritten(d.Object))
		}
	}
	return f, nil
}

// contextOfFiles returns the name of manifests in a header.
func contextOfFiles(paths []string) string {
	names := make([]string, len(paths))
	for i, path := range paths {
		if names[i] = filepath.ToSlash(path); path == "-" {
			names[i] = "standard input"
		}
	}
	return strings.Join(names, ", ")
}

// World implements console.Source.
func (f *uiFiles) World() *view.World { return f.world }

// Subscribe implements console.Source: manifests do not change.
func (f *uiFiles) Subscribe(func(*view.World, []hierarchy.Ref)) (cancel func()) { return func() {} }

func (f *uiFiles) place(ref hierarchy.Ref) string {
	d, known := f.objects[ref]
	if !known || d.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(d.File), d.Line)
}

// Object implements console.Workshop.
func (f *uiFiles) Object(_ context.Context, _ *view.World, ref hierarchy.Ref) (*unstructured.Unstructured, error) {
	d, known := f.objects[ref]
	if !known {
		return nil, errors.New(ref.String() + " is not among the manifests")
	}
	return edit.AsWritten(d.Object), nil
}

// Change implements console.Workshop.
func (f *uiFiles) Change(ctx context.Context, _ *view.World, e console.Edit) (*preview.Change, []string, error) {
	return editOf(ctx, f.around, e, f.options.Recursive)
}

// editOf reads an edit from the page, or from the files of -f.
func editOf(ctx context.Context, around *edit.Base, e console.Edit, recursive bool) (*preview.Change, []string, error) {
	paths, stdin := []string{"-"}, strings.NewReader(e.Text)
	if len(e.Files) > 0 {
		paths = e.Files
	}
	return around.Change(ctx, paths, source.Options{Stdin: stdin, KeepRefused: true, Recursive: recursive}, e.Delete)
}
