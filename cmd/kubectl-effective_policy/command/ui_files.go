package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/console"
	"github.com/attache-dev/attache/policy/console/view"
	"github.com/attache-dev/attache/policy/preview"
	"github.com/attache-dev/attache/policy/source"
)

// uiSource reads what the page shows.
func (o *options) uiSource(ctx context.Context, flags *uiFlags) (uiWorld, error) {
	if len(o.files) == 0 {
		return o.uiCluster(ctx)
	}
	read := *o.sharedFlags
	if len(flags.base) > 0 {
		read.files = flags.base
	}
	w, err := read.load(ctx)
	if err != nil {
		return nil, err
	}
	return newUIFiles(ctx, &read, w)
}

// uiFiles shows manifests. What is read once does not change.
type uiFiles struct {
	options *sharedFlags
	loaded  *workspace
	world   *view.World
	objects map[hierarchy.Ref]source.Document
	// around is where edits take place. Its snapshot is the world's, so that an edit
	// resolves what it touches and nothing else.
	around *baseline
}

func newUIFiles(ctx context.Context, o *sharedFlags, w *workspace) (*uiFiles, error) {
	settings, err := o.settings()
	if err != nil {
		return nil, err
	}
	f := &uiFiles{options: o, loaded: w, objects: map[hierarchy.Ref]source.Document{}}
	f.around = baselineOfFiles(&source.Input{Documents: w.documents, Schemas: w.schemas}, *o.config.Namespace)
	f.around.settings, f.around.say = settings, func(*source.Input) {}
	f.around.snapshot, _ = policy.NewSnapshot(settings).With(f.around.objects...) // the problems are w.problems
	w.snapshot = f.around.snapshot
	p := planesOf(w)
	f.world = &view.World{
		Snapshot: f.around.snapshot, Version: "1", Context: contextOfFiles(o.files), Files: true, Namespace: w.namespace,
		Problems: w.problems, Unread: w.unread, Exists: o.existence(ctx, w), Place: f.place,
		Enforced: func(_ context.Context, route hierarchy.Ref) []any { return p.enforcedObjects(route) },
		Outcomes: p.outcomes(),
	}
	for _, d := range w.documents {
		f.objects[hierarchy.RefOf(d.Object)] = d
		if preview.IsGuardrail(d.Object) {
			f.world.Guardrails = append(f.world.Guardrails, asWritten(d.Object))
		}
	}
	return f, nil
}

// contextOfFiles names manifests in a header.
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

// Subscribe implements console.Source: nothing newer comes.
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
	return asWritten(d.Object), nil
}

// asWritten is an object without the time that edits are after.
func asWritten(u *unstructured.Unstructured) *unstructured.Unstructured {
	if created := u.GetCreationTimestamp(); created.Equal(&beforeAllEdits) {
		u = u.DeepCopy()
		u.SetCreationTimestamp(metav1.Time{})
	}
	return u
}

// Change implements console.Workshop.
func (f *uiFiles) Change(ctx context.Context, _ *view.World, e console.Edit) (*preview.Change, []string, error) {
	return editOf(ctx, f.around, e, f.options.recursive)
}

// editOf reads an edit from the page, or from the files of -f.
func editOf(ctx context.Context, around *baseline, e console.Edit, recursive bool) (*preview.Change, []string, error) {
	paths, stdin := []string{"-"}, strings.NewReader(e.Text)
	if len(e.Files) > 0 {
		paths = e.Files
	}
	return around.change(ctx, paths, source.Options{Stdin: stdin, KeepRefused: true, Recursive: recursive}, e.Delete)
}
