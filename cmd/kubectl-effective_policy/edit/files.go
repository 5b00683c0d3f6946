package edit

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/planes"
	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/source"
)

// beforeAllEdits is the age of objects in manifests of a base: they are older than created objects,
// and all of the same age.
var beforeAllEdits = metav1.NewTime(time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC))

// OfFiles returns manifests as the base of an edit.
func OfFiles(in *source.Input, namespace string) *Base {
	around := &Base{exporters: planes.AllExporters, Objects: in.Objects(), places: map[hierarchy.Ref]string{}, namespace: namespace}
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

// AsWritten returns an object without the creation time that OfFiles added.
func AsWritten(u *unstructured.Unstructured) *unstructured.Unstructured {
	if created := u.GetCreationTimestamp(); created.Equal(&beforeAllEdits) {
		u = u.DeepCopy()
		u.SetCreationTimestamp(metav1.Time{})
	}
	return u
}
