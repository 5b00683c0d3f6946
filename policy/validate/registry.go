package validate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Registry holds CustomResourceDefinitions and prepares objects according to them.
type Registry struct {
	mu    sync.RWMutex
	kinds map[schema.GroupKind]*definition
}

// definition is one CRD, decoded and compiled when it is first needed.
type definition struct {
	crd   *unstructured.Unstructured
	typed *apiextensionsv1.CustomResourceDefinition

	mu       sync.Mutex
	versions map[string]*version
}

// New returns a registry of the given CRDs, in the v1 form of
// apiextensions.k8s.io.
func New(crds ...*unstructured.Unstructured) (*Registry, error) {
	r := &Registry{kinds: make(map[schema.GroupKind]*definition, len(crds))}
	var errs []error
	for _, crd := range crds {
		if err := r.Add(crd); err != nil {
			errs = append(errs, err)
		}
	}
	return r, errors.Join(errs...)
}

// Add puts a CRD into the registry, replacing the one for the same kind. The error is the reason
// for which an API server would refuse the CRD; CEL rules are not compiled yet. A CRD that is
// already in the registry stays as it is, with its compiled rules.
func (r *Registry) Add(crd *unstructured.Unstructured) error {
	if r.has(crd) {
		return nil
	}
	typed, err := decodeCRD(crd)
	if err != nil {
		return err
	}
	d := &definition{crd: crd, typed: typed, versions: map[string]*version{}}
	gk := schema.GroupKind{Group: typed.Spec.Group, Kind: typed.Spec.Names.Kind}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kinds[gk] = d
	return nil
}

// has reports whether a CRD is in the registry: the same object, not an equal one.
func (r *Registry) has(crd *unstructured.Unstructured) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, d := range r.kinds {
		if d.crd == crd {
			return true
		}
	}
	return false
}

// CRDs returns the CRDs of the registry, sorted by name. They belong to the
// registry and must not be changed.
func (r *Registry) CRDs() []*unstructured.Unstructured {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]*unstructured.Unstructured, 0, len(r.kinds))
	for _, d := range r.kinds {
		out = append(out, d.crd)
	}
	slices.SortFunc(out, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out
}

// Kinds returns the kinds of the registry, sorted.
func (r *Registry) Kinds() []schema.GroupKind {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.SortedFunc(maps.Keys(r.kinds), func(a, b schema.GroupKind) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Kind, b.Kind))
	})
}

// Namespaced reports whether objects of a kind live in namespaces, and whether the kind is known at
// all.
func (r *Registry) Namespaced(gk schema.GroupKind) (namespaced, known bool) {
	d := r.definition(gk)
	if d == nil {
		return false, false
	}
	return d.typed.Spec.Scope != apiextensionsv1.ClusterScoped, true
}

func (r *Registry) definition(gk schema.GroupKind) *definition {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.kinds[gk]
}

// Prepare returns the object as an API server would store it after its creation: defaults filled
// in, unknown fields and needless nulls removed. The problems, sorted, are the reasons for which
// the server would refuse it, including unknown fields, as with strict field validation. The given
// object is not changed. If the registry has no CRD of the kind, known is false and there is no
// other result.
//
// Unlike a server, Prepare keeps metadata that a server would set itself, such as
// creationTimestamp, and keeps status without checking it: objects dumped from a cluster have both,
// and the age of a policy decides conflicts.
func (r *Registry) Prepare(ctx context.Context, u *unstructured.Unstructured) (prepared *unstructured.Unstructured, problems []Problem, known bool) {
	prepared, problems, known = r.PrepareShared(ctx, u)
	if prepared != u {
		prepared = prepared.DeepCopy()
	}
	return prepared, problems, known
}

// PrepareShared is Prepare for objects that are only read: equal parts of different objects are the same
// in memory, and must not be changed.
func (r *Registry) PrepareShared(ctx context.Context, u *unstructured.Unstructured) (prepared *unstructured.Unstructured, problems []Problem, known bool) {
	gvk := u.GroupVersionKind()
	d := r.definition(gvk.GroupKind())
	if d == nil {
		return u, nil, false
	}
	v, err := d.version(gvk.Version)
	if err != nil {
		return u, []Problem{{Field: "apiVersion", Message: err.Error()}}, true
	}
	if stored, ok := v.stored(ctx, u.Object); ok {
		return &unstructured.Unstructured{Object: stored}, nil, true
	}
	prepared = u.DeepCopy()
	problems = v.prepare(ctx, prepared)
	return prepared, sorted(problems), true
}

// version compiles one served version.
func (d *definition) version(name string) (*version, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v, ok := d.versions[name]; ok {
		return v, nil
	}
	var served []string
	for i := range d.typed.Spec.Versions {
		v := &d.typed.Spec.Versions[i]
		if !v.Served {
			continue
		}
		if v.Name != name {
			served = append(served, d.typed.Spec.Group+"/"+v.Name)
			continue
		}
		compiled, err := compileVersion(v, d.typed.Spec.Scope != apiextensionsv1.ClusterScoped)
		if err != nil {
			return nil, fmt.Errorf("CustomResourceDefinition %s, version %s: %w", d.typed.Name, name, err)
		}
		d.versions[name] = compiled
		return compiled, nil
	}
	return nil, fmt.Errorf("version %q of %s is not served: write %s", name, d.typed.Spec.Names.Kind, strings.Join(served, " or "))
}

// decodeCRD reads a CRD and checks what the rest of this package relies on.
func decodeCRD(u *unstructured.Unstructured) (*apiextensionsv1.CustomResourceDefinition, error) {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("CustomResourceDefinition %s: "+format, append([]any{u.GetName()}, args...)...)
	}
	if u.GetAPIVersion() != "apiextensions.k8s.io/v1" || u.GetKind() != "CustomResourceDefinition" {
		return nil, fail("is %s of %s: write apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition", u.GetKind(), u.GetAPIVersion())
	}
	data, err := json.Marshal(u.Object)
	if err != nil {
		return nil, fail("%w", err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := json.Unmarshal(data, crd); err != nil {
		return nil, fail("%w", err)
	}
	spec := &crd.Spec
	if want := spec.Names.Plural + "." + spec.Group; crd.Name != want || spec.Names.Plural == "" || spec.Group == "" {
		return nil, fail("its name must be spec.names.plural, a dot, and spec.group: write %s", want)
	}
	if spec.Names.Kind == "" {
		return nil, fail("spec.names.kind is missing")
	}
	served := false
	for _, v := range spec.Versions {
		served = served || v.Served
		if v.Schema == nil || v.Schema.OpenAPIV3Schema == nil {
			return nil, fail("version %s has no schema: write spec.versions[].schema.openAPIV3Schema", v.Name)
		}
	}
	if !served {
		return nil, fail("serves no version: set served: true on one of spec.versions")
	}
	if spec.PreserveUnknownFields {
		return nil, fail("spec.preserveUnknownFields is true: write false, and x-kubernetes-preserve-unknown-fields in the schema")
	}
	return crd, nil
}

// Clone returns a registry of the same CRDs to which others can be added. What
// is already compiled is shared.
func (r *Registry) Clone() *Registry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return &Registry{kinds: maps.Clone(r.kinds)}
}
