package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
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
}

func (f *changeFlags) add(cmd *cobra.Command, instead string) {
	cmd.Flags().StringArrayVar(&f.base, "base", nil, "manifests of what is there now, instead of "+instead+": a file, a folder, or - for standard input; may be repeated")
	cmd.Flags().BoolVar(&f.remove, "delete", false, "the objects are removed, not applied")
}

// change is a world and an edit of it. After it is made nothing depends on
// whether the world came from files or from a cluster.
type change struct {
	before *policy.Snapshot
	// guardrails are those of the world, before the edit.
	guardrails []*unstructured.Unstructured
	// documents are the objects of the edit as they would be stored; refused are
	// those that a server would not store, problems why.
	documents []source.Document
	refused   []source.Document
	problems  []source.Problem
	// old has for each document the object that it takes the place of, or nil.
	old    []*unstructured.Unstructured
	remove bool
}

// surroundings are where an edit takes place.
type surroundings struct {
	objects []*unstructured.Unstructured // CRDs first
	places  map[hierarchy.Ref]string
	// namespace is that of objects which do not say theirs.
	namespace string
	// old returns the whole object that there is, or nil; stored what would be
	// stored if the manifest of an object that there is were applied.
	old    func(hierarchy.Ref) (*unstructured.Unstructured, error)
	stored func(old, manifest *unstructured.Unstructured) *unstructured.Unstructured
}

// loadChange reads the world and the edit that the flags ask for. Problems of
// single objects of the world do not stop the work, and are warnings.
func (o *options) loadChange(ctx context.Context, f changeFlags) (*change, error) {
	if len(o.files) == 0 {
		return nil, errors.New("nothing is changed: say with -f which manifests")
	}
	if slices.Contains(o.files, "-") && slices.Contains(f.base, "-") {
		return nil, errors.New("-f - and --base - are both standard input: give one of them as a file")
	}
	around, err := o.surroundings(ctx, f)
	if err != nil {
		return nil, err
	}
	c, warnings, err := around.change(ctx, o.settings(), o.files, source.Options{
		Recursive:   o.recursive,
		KeepRefused: f.keepRefused,
		Stdin:       o.streams.In,
	}, f.remove)
	for _, text := range warnings {
		o.note("warning: %s", text)
	}
	return c, err
}

// change reads an edit, in which objects are applied or removed.
func (s *surroundings) change(ctx context.Context, settings policy.Options, paths []string, options source.Options, remove bool) (*change, []string, error) {
	c := &change{remove: remove}
	snapshot, problems := policy.NewSnapshot(settings).With(s.objects...)
	c.before = snapshot
	var warnings []string
	for _, p := range problems {
		warnings = append(warnings, problemText(p, s.places[p.Ref.Object()]))
	}
	for _, u := range s.objects {
		switch gvk := u.GroupVersionKind(); {
		case gvk.Kind == "CustomResourceDefinition":
			options.Definitions = append(options.Definitions, u)
		case isGuardrail(u):
			c.guardrails = append(c.guardrails, u)
		}
	}
	options.Namespace = s.namespace
	options.KeepRefused = options.KeepRefused || remove
	in, err := source.New(paths, options).Read(ctx)
	if err != nil {
		return nil, warnings, err
	}
	c.documents, c.refused, c.problems = in.Documents, in.Refused, in.Problems
	if remove { // who removes an object need only name it
		c.documents, c.refused, c.problems = slices.Concat(in.Documents, in.Refused), nil, nil
	}
	missing, err := c.settle(s)
	return c, append(warnings, missing...), err
}

// settle finds out which objects there are already, and what would be stored in
// their place. It warns of what is not there to be removed.
func (c *change) settle(around *surroundings) (warnings []string, err error) {
	var documents []source.Document
	for _, d := range c.documents {
		old, err := around.old(guardrail.RefOf(d.Object))
		if err != nil {
			return warnings, err
		}
		switch {
		case old == nil && c.remove:
			warnings = append(warnings, fmt.Sprintf("%s: there is no %s to delete", d.Place(), guardrail.RefOf(d.Object)))
			continue
		case old != nil && !c.remove:
			d.Object = around.stored(old, d.Object)
		}
		documents = append(documents, d)
		c.old = append(c.old, old)
	}
	c.documents = documents
	return warnings, nil
}

func (o *options) settings() policy.Options {
	settings := policy.Options{Compile: compileLater}
	if len(o.platformNamespaces) > 0 {
		settings.PlatformNamespaces = o.platformNamespaces
	}
	return settings
}

func (o *options) surroundings(ctx context.Context, f changeFlags) (*surroundings, error) {
	switch {
	case len(f.base) > 0:
		return surroundingFiles(ctx, f.base, source.Options{Recursive: o.recursive, Namespace: *o.config.Namespace, Stdin: o.streams.In})
	case !f.empty:
		return o.surroundingCluster(ctx)
	}
	builtin, err := source.Builtin()
	if err != nil {
		return nil, err
	}
	return &surroundings{
		objects:   builtin.CRDs(),
		namespace: *o.config.Namespace,
		old:       func(hierarchy.Ref) (*unstructured.Unstructured, error) { return nil, nil },
	}, nil
}

// beforeAllEdits is the age of objects in manifests of a world: what is there is
// older than what is about to be created, and among itself of one age.
var beforeAllEdits = metav1.NewTime(time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC))

func surroundingFiles(ctx context.Context, base []string, options source.Options) (*surroundings, error) {
	in, err := source.New(base, options).Read(ctx)
	if err != nil {
		return nil, err
	}
	around := &surroundings{objects: in.Objects(), places: map[hierarchy.Ref]string{}, namespace: options.Namespace}
	known := make(map[hierarchy.Ref]*unstructured.Unstructured, len(in.Documents))
	for _, d := range in.Documents {
		ref := guardrail.RefOf(d.Object)
		if d.Object.GetCreationTimestamp().Time.IsZero() && d.Object.GetKind() != "CustomResourceDefinition" {
			d.Object.SetCreationTimestamp(beforeAllEdits)
		}
		known[ref], around.places[ref] = d.Object, d.Place()
	}
	around.old = func(ref hierarchy.Ref) (*unstructured.Unstructured, error) { return known[ref], nil }
	around.stored = func(old, manifest *unstructured.Unstructured) *unstructured.Unstructured {
		stored := manifest.DeepCopy()
		stored.SetCreationTimestamp(old.GetCreationTimestamp())
		return stored
	}
	return around, nil
}

// edited are the documents that can change an effective policy: all but
// guardrails and what is there already.
func (c *change) edited() []int {
	var list []int
	for i, d := range c.documents {
		if !isGuardrail(d.Object) && (c.remove || !same(c.old[i], d.Object)) {
			list = append(list, i)
		}
	}
	return list
}

// same says whether an edit leaves all as it is that admission looks at.
func same(old, object *unstructured.Unstructured) bool {
	return old != nil && object.GetKind() != "CustomResourceDefinition" &&
		reflect.DeepEqual(old.Object["spec"], object.Object["spec"]) && maps.Equal(old.GetLabels(), object.GetLabels())
}

// edit is the change as one edit. Of a single object it is what an API server
// would ask about it.
func (c *change) edit() guardrail.Edit {
	edited := c.edited()
	if len(edited) == 1 {
		return c.editOf(edited[0])
	}
	var e guardrail.Edit
	for _, i := range edited {
		if u := c.documents[i].Object; c.remove {
			e.Remove = append(e.Remove, guardrail.RefOf(u))
		} else {
			e.Also = append(e.Also, u)
		}
	}
	return e
}

// editOf is the edit of one document alone.
func (c *change) editOf(i int) guardrail.Edit {
	switch {
	case c.remove:
		return guardrail.Edit{Old: c.old[i], Operation: "DELETE"}
	case c.old[i] != nil:
		return guardrail.Edit{Old: c.old[i], New: c.documents[i].Object, Operation: "UPDATE"}
	}
	return guardrail.Edit{New: c.documents[i].Object, Operation: "CREATE"}
}

func isGuardrail(u *unstructured.Unstructured) bool {
	return u.GetKind() == "PolicyGuardrail" && strings.HasPrefix(u.GetAPIVersion(), policy.Group+"/")
}

// noCluster tells who forgot a flag what to do without a cluster.
func noCluster(err error) error {
	return fmt.Errorf("%w\nto compare with manifests instead of a cluster, give them with --base", err)
}
