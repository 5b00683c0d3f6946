package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"

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

// workspace is everything a command works on. After it is made nothing depends on
// whether it came from files or from a cluster.
type workspace struct {
	snapshot *policy.Snapshot
	kinds    []resourceKind
	// namespace is where names are looked up; empty means everywhere.
	namespace string
	selector  labels.Selector
	// documents are what was read from manifests.
	documents []source.Document
	// unknown are those of kinds without a definition, such as the kinds of data planes' APIs.
	unknown []source.Document
	// unread are objects that look like policies and are not read as such.
	unread []explain.Unread
	// schemas are the CRDs that manifests were checked by; nil on a cluster.
	schemas *validate.Registry
	// problems are those of single objects, in words.
	problems []string
	// skipped are resources of the cluster that this person may not list, and the
	// rest is answered without.
	skipped []kschema.GroupResource
	// resolver remembers what was resolved in the snapshot resolved.
	resolver *effective.Resolver
	resolved *policy.Snapshot
}

// follow makes a newer snapshot that of the workspace.
func (w *workspace) follow(now *policy.Snapshot) { w.snapshot, w.kinds = now, kindsOf(now) }

// resolve is effective.Resolve for those who ask about one target after the other.
func (w *workspace) resolve(targets []hierarchy.Ref) effective.Resolution {
	if w.resolved != w.snapshot {
		w.resolver, w.resolved = effective.NewResolver(w.snapshot), w.snapshot
	}
	return w.resolver.Resolve(targets...)
}

// orFiles is for those who have no cluster, or forgot -f.
const orFiles = "to work on manifests instead of a cluster, give them with -f"

// load makes the world that the flags ask for. Problems of single objects that
// do not stop the work are warnings.
func (o *sharedFlags) load(ctx context.Context) (*workspace, error) {
	w := &workspace{selector: labels.Everything()}
	if o.selector != "" {
		var err error
		if w.selector, err = labels.Parse(o.selector); err != nil {
			return nil, fmt.Errorf("-l %s: %w", o.selector, err)
		}
	}
	read := o.readCluster
	if len(o.files) > 0 {
		read = o.readFiles
	}
	problems, err := read(ctx, w)
	if err != nil {
		return nil, err
	}
	var more []kschema.GroupKind
	for _, d := range w.documents {
		more = append(more, d.Object.GroupVersionKind().GroupKind())
	}
	w.kinds = kindsOf(w.snapshot, more...)
	w.addShortNames()
	w.problems = problems
	for _, text := range problems {
		if !o.quiet && !(o.listsFaults && isFault(w.snapshot, text)) {
			o.note("warning: %s", text)
		}
	}
	return w, nil
}

// readFiles takes the objects from manifests. Names are looked up everywhere,
// unless -n says where; it is also the namespace of objects that do not say
// theirs, as with kubectl apply.
func (o *sharedFlags) readFiles(ctx context.Context, w *workspace) ([]string, error) {
	settings, err := o.settings()
	if err != nil {
		return nil, err
	}
	if !o.allNamespaces {
		w.namespace = *o.config.Namespace
	}
	in, err := o.readManifests(ctx, o.files, source.Options{Namespace: *o.config.Namespace, Stdin: o.streams.In})
	if err != nil {
		return nil, err
	}
	w.documents, w.unknown, w.schemas = in.Documents, in.Unknown, in.Schemas
	snapshot, problems := policy.NewSnapshot(settings).With(in.Objects()...)
	w.snapshot = snapshot
	var objects []*unstructured.Unstructured
	for _, d := range slices.Concat(in.Documents, in.Unknown) {
		objects = append(objects, d.Object)
	}
	w.unread = explain.UnreadPolicies(snapshot, objects)
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
		texts[i] = problemText(p, place[p.Ref.Object()])
	}
	return texts
}

// readCluster takes the objects from the cluster of the current context. Names
// are looked up in the context's namespace, unless -n or -A say where.
func (o *sharedFlags) readCluster(ctx context.Context, w *workspace) ([]string, error) {
	config, err := o.connection()
	if err != nil {
		return nil, fmt.Errorf("%w\n"+orFiles, err)
	}
	config.QPS = -1 // some forty requests and no more: the server knows best how to queue them
	if !o.allNamespaces {
		if w.namespace, _, err = o.config.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil, err
		}
	}
	settings, err := o.clusterSettings(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("%w\n"+orFiles, err)
	}
	read, err := cluster.Objects(ctx, config, settings)
	if err != nil {
		return nil, clusterUnread(err, orFiles)
	}
	o.saySkipped(read.Skipped)
	w.skipped = read.Skipped
	snapshot, problems := read.Snapshot(settings)
	w.snapshot = snapshot
	o.sayUnknown(snapshot)
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = problemText(p, "")
	}
	return texts, nil
}

// clusterUnread tells who may not read everything what to ask for, and who has no
// cluster what to do without one.
func clusterUnread(err error, without string) error {
	var forbidden *cluster.ForbiddenError
	if errors.As(err, &forbidden) {
		return fmt.Errorf("%w\nhave the ClusterRole attache-cli bound to you; get, explain and describe answer without it", forbidden)
	}
	return fmt.Errorf("%w\n%s", err, without)
}

// saySkipped names what this person may not list and the answer does without.
func (o *sharedFlags) saySkipped(resources []kschema.GroupResource) {
	if len(resources) == 0 || o.quiet {
		return
	}
	names := make([]string, len(resources))
	for i, r := range resources {
		names[i] = r.String()
	}
	o.note("warning: left out, as you may not list it: %s", prose.List(names, 3))
}

func problemText(p hierarchy.Problem, place string) string {
	text := p.Ref.String()
	if place != "" {
		text = place + ": " + text
	}
	if p.Field != "" {
		text += ": " + p.Field
	}
	return text + ": " + p.Message
}

// compileLater prepares the check of merged values when the first one is there
// to check: most commands need few kinds, and compiling takes a tenth of a
// second each.
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

// isFault says that a problem is what is wrong with a kind, and no more: one of a file has
// its place.
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
