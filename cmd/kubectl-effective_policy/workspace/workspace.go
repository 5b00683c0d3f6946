package workspace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/explain"
	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/validate"
)

// Workspace is everything that a command works on. After it is made, nothing depends on whether it
// came from files or from a cluster.
type Workspace struct {
	Snapshot *policy.Snapshot
	kinds    []resourceKind
	// Namespace is the namespace in which names are looked up; empty means all.
	Namespace string
	selector  labels.Selector
	// Documents are what was read from manifests.
	Documents []source.Document
	// Unknown are those of kinds without a definition, such as the kinds of data planes' APIs.
	Unknown []source.Document
	// Unread are objects that look like policies and are not read as such.
	Unread []explain.Unread
	// Schemas are the CRDs that manifests were checked by; nil on a cluster.
	Schemas *validate.Registry
	// Problems are the problems of single objects, as text.
	Problems []string
	// Skipped are resources of the cluster that the user may not list; answers do without them.
	Skipped []schema.GroupResource
	// resolver caches results of the snapshot resolved.
	resolver *effective.Resolver
	resolved *policy.Snapshot
}

// Follow replaces the snapshot of the workspace by a newer one.
func (w *Workspace) Follow(now *policy.Snapshot) { w.Snapshot, w.kinds = now, kindsOf(now) }

// Resolve is like effective.Resolve, with a cache for repeated calls.
func (w *Workspace) Resolve(targets []hierarchy.Ref) effective.Resolution {
	if w.resolved != w.Snapshot {
		w.resolver, w.resolved = effective.NewResolver(w.Snapshot), w.Snapshot
	}
	return w.resolver.Resolve(targets...)
}

// OrFiles is advice for users without a cluster, or who forgot -f.
const OrFiles = "to work on manifests instead of a cluster, give them with -f"

// Load opens the workspace that the flags describe. Problems of single objects are only warnings.
func (o *Flags) Load(ctx context.Context) (*Workspace, error) {
	w := &Workspace{selector: labels.Everything()}
	if o.Selector != "" {
		var err error
		if w.selector, err = labels.Parse(o.Selector); err != nil {
			return nil, fmt.Errorf("-l %s: %w", o.Selector, err)
		}
	}
	read := o.readCluster
	if len(o.Files) > 0 {
		read = o.readFiles
	}
	problems, err := read(ctx, w)
	if err != nil {
		return nil, err
	}
	var more []schema.GroupKind
	for _, d := range w.Documents {
		more = append(more, d.Object.GroupVersionKind().GroupKind())
	}
	w.kinds = kindsOf(w.Snapshot, more...)
	w.addShortNames()
	w.Problems = problems
	for _, text := range problems {
		if !o.Quiet && !(o.ListsFaults && isFault(w.Snapshot, text)) {
			o.Note("warning: %s", text)
		}
	}
	return w, nil
}

// readFiles takes the objects from manifests. Names are looked up everywhere, unless -n says where;
// it is also the namespace of objects that do not state one, as with kubectl apply.
func (o *Flags) readFiles(ctx context.Context, w *Workspace) ([]string, error) {
	settings, err := o.Settings()
	if err != nil {
		return nil, err
	}
	if !o.AllNamespaces {
		w.Namespace = *o.Config.Namespace
	}
	in, err := o.ReadManifests(ctx, o.Files, source.Options{Namespace: *o.Config.Namespace, Stdin: o.Streams.In})
	if err != nil {
		return nil, err
	}
	w.Documents, w.Unknown, w.Schemas = in.Documents, in.Unknown, in.Schemas
	snapshot, problems := policy.NewSnapshot(settings).With(in.Objects()...)
	w.Snapshot = snapshot
	var objects []*unstructured.Unstructured
	for _, d := range slices.Concat(in.Documents, in.Unknown) {
		objects = append(objects, d.Object)
	}
	w.Unread = explain.UnreadPolicies(snapshot, objects)
	return textsOf(problems, in.Documents), nil
}

// textsOf are problems of objects with the places of these.
func textsOf(problems []hierarchy.Problem, documents []source.Document) []string {
	if len(problems) == 0 {
		return nil
	}
	place := make(map[hierarchy.Ref]string, len(documents))
	for _, d := range documents {
		gk := d.Object.GroupVersionKind().GroupKind()
		place[hierarchy.NewRef(gk.Group, gk.Kind, d.Object.GetNamespace(), d.Object.GetName())] = d.Place()
	}
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = ProblemText(p, place[p.Ref.Object()])
	}
	return texts
}

// readCluster takes the objects from the cluster of the current context. Names
// are looked up in the context's namespace, unless -n or -A say where.
func (o *Flags) readCluster(ctx context.Context, w *Workspace) ([]string, error) {
	config, err := o.Connection()
	if err != nil {
		return nil, fmt.Errorf("%w\n"+OrFiles, err)
	}
	config.QPS = -1 // there are only about forty requests, which the server queues itself
	if !o.AllNamespaces {
		if w.Namespace, _, err = o.Config.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil, err
		}
	}
	settings, err := o.ClusterSettings(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("%w\n"+OrFiles, err)
	}
	read, err := cluster.Objects(ctx, config, settings)
	if err != nil {
		return nil, ClusterUnread(err, OrFiles)
	}
	o.SaySkipped(read.Skipped)
	w.Skipped = read.Skipped
	snapshot, problems := read.Snapshot(settings)
	w.Snapshot = snapshot
	o.SayUnknown(snapshot)
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = ProblemText(p, "")
	}
	return texts, nil
}

// ClusterUnread adds advice to an error: which rights to ask for, or how to work without a cluster.
func ClusterUnread(err error, without string) error {
	var forbidden *cluster.ForbiddenError
	if errors.As(err, &forbidden) {
		return fmt.Errorf("%w\nhave the ClusterRole attache-cli bound to you; get, explain and describe answer without it", forbidden)
	}
	return fmt.Errorf("%w\n%s", err, without)
}

// SaySkipped notes which resources the user may not list, and are left out of the answer.
func (o *Flags) SaySkipped(resources []schema.GroupResource) {
	if len(resources) == 0 || o.Quiet {
		return
	}
	names := make([]string, len(resources))
	for i, r := range resources {
		names[i] = r.String()
	}
	o.Note("warning: left out, as you may not list it: %s", prose.List(names, 3))
}

// ProblemText returns a problem as one line, after the position of its object in the manifests.
func ProblemText(p hierarchy.Problem, place string) string {
	text := p.Ref.String()
	if place != "" {
		text = place + ": " + text
	}
	if p.Field != "" {
		text += ": " + p.Field
	}
	return text + ": " + p.Message
}

// compileLater prepares the check of merged values when it is first needed: most commands need few
// kinds, and compiling takes a tenth of a second each.
func compileLater(d crd.Definition) (policy.Validator, error) {
	return lateValidator(sync.OnceValues(func() (*validate.Blocks, error) { return validate.Compile(d) })), nil
}

type lateValidator func() (*validate.Blocks, error)

// Validate checks a merged value; see policy.Validator.
func (compile lateValidator) Validate(merged map[string]any) []crd.Broken {
	blocks, err := compile()
	if err != nil {
		return []crd.Broken{{Rule: "Schema", Message: "cannot be checked: " + err.Error()}}
	}
	return blocks.Validate(merged)
}

// isFault reports whether a problem is only a fault of a kind, without a position in a file.
func isFault(s *policy.Snapshot, problem string) bool {
	for _, k := range s.Kinds() {
		for _, f := range k.Faults {
			if problem == "CustomResourceDefinition "+k.Definition.Name+": "+f.String() {
				return true
			}
		}
	}
	return false
}
