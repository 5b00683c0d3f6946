package source

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/policy/validate"
)

// standIns are replacements for CRDs that the input lacks, for kinds that are to be
// read all the same. Their version is that of the first object of the kind.
func standIns(registry *validate.Registry, documents []Document, kinds []kschema.GroupKind) []*unstructured.Unstructured {
	if len(kinds) == 0 {
		return nil
	}
	versions := map[kschema.GroupKind]string{}
	for _, d := range documents {
		gvk := d.Object.GroupVersionKind()
		if _, earlier := versions[gvk.GroupKind()]; !earlier {
			versions[gvk.GroupKind()] = gvk.Version
		}
	}
	var crds []*unstructured.Unstructured
	for _, gk := range kinds {
		version, used := versions[gk]
		if _, known := registry.Namespaced(gk); used && !known {
			crds = append(crds, standIn(gk, version))
		}
	}
	return crds
}

// standIn is a CRD that states only the names of its kind, of which the plural is a
// guess.
func standIn(gk kschema.GroupKind, version string) *unstructured.Unstructured {
	singular := strings.ToLower(gk.Kind)
	plural := singular + "s"
	if stem, ends := strings.CutSuffix(singular, "y"); ends {
		plural = stem + "ies"
	}
	anything := map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1",
		"kind":       "CustomResourceDefinition",
		"metadata":   map[string]any{"name": plural + "." + gk.Group},
		"spec": map[string]any{
			"group": gk.Group,
			"scope": "Namespaced",
			"names": map[string]any{"plural": plural, "singular": singular, "kind": gk.Kind, "listKind": gk.Kind + "List"},
			"versions": []any{map[string]any{
				"name": version, "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object", "x-kubernetes-preserve-unknown-fields": true, // some kinds have no spec
					"properties": map[string]any{"spec": anything, "status": anything},
				}},
			}},
		},
	}}
}
