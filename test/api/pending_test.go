package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/eventually"
)

// readyIn returns the condition Ready of an object as "status reason", and what kstatus says of it.
func readyIn(t *testing.T, u *unstructured.Unstructured) string {
	t.Helper()
	text := "none"
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		if c := c.(map[string]any); c["type"] == "Ready" {
			text = c["status"].(string) + " " + c["reason"].(string)
		}
	}
	result, err := status.Compute(u)
	if err != nil {
		t.Fatal(err)
	}
	return text + ", " + result.Status.String()
}

const pending = "Unknown Pending, InProgress"

// An object that no controller has seen is not ready, for every tool that waits: the API server gives it
// the status that is the default of its CRD. It is nobody's, and what a controller writes replaces it.
func TestServerShowsThatNoControllerHasSeenAnObject(t *testing.T) {
	plane := controlplane.Shared(t)
	client := dynamic.NewForConfigOrDie(plane.Config)
	namespace := plane.NewNamespace(t)
	for _, m := range append(manifestsOfTheTask(), guardrails()[0]) {
		t.Run(m.kind, func(t *testing.T) {
			u := m.object(t, namespace, "unseen")
			objects := client.Resource(resources[m.kind]).Namespace(u.GetNamespace())
			apply := func() *unstructured.Unstructured {
				t.Helper()
				applied, err := objects.Apply(t.Context(), u.GetName(), u, metav1.ApplyOptions{FieldManager: "gitops"})
				if err != nil {
					t.Fatal(err)
				}
				return applied
			}
			created := create(t, client, m.kind, u)
			t.Cleanup(func() { _ = objects.Delete(context.Background(), u.GetName(), metav1.DeleteOptions{}) })
			read, err := objects.Get(t.Context(), u.GetName(), metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			listed, err := objects.List(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + u.GetName()})
			if err != nil || len(listed.Items) != 1 {
				t.Fatalf("%v, %v", listed, err)
			}
			for how, u := range map[string]*unstructured.Unstructured{"created": created, "read": read, "listed": &listed.Items[0], "applied": apply()} {
				if got := readyIn(t, u); got != pending {
					t.Errorf("%s, it is %s; want %s", how, got, pending)
				}
			}
			applied := apply()
			if again := apply(); again.GetResourceVersion() != applied.GetResourceVersion() || again.GetGeneration() != 1 {
				t.Errorf("applied again, it went from version %s to %s, generation %d", applied.GetResourceVersion(), again.GetResourceVersion(), again.GetGeneration())
			}
			if fields, _ := json.Marshal(applied.GetManagedFields()); bytes.Contains(fields, []byte("f:status")) {
				t.Errorf("somebody owns the status: %s", fields)
			}
			out, err := plane.Kubectl(t.Context(), "get", strings.ToLower(m.kind), u.GetName(), "-n", namespace, "--no-headers").CombinedOutput()
			if err != nil || !strings.Contains(string(out), " Unknown ") {
				t.Errorf("kubectl get: %s, %v", out, err)
			}
			want := map[string]any{"observedGeneration": int64(1), "conditions": []any{condition("Ready", "True")}}
			if m.kind == guardrailKind {
				want["violations"] = int64(0)
			} else {
				want["ancestors"] = []any{}
			}
			if seen := writeStatus(t, client, m.kind, applied, want); !reflect.DeepEqual(seen.Object["status"], any(want)) || readyIn(t, seen) != "True Tested, Current" {
				t.Errorf("a controller wrote %v, and it has %v", want, seen.Object["status"])
			}
		})
	}
}

// What was there before the CRD had that default gets it with the upgrade, unless it has a status.
func TestServerGivesWhatWasThereBeforeAStatus(t *testing.T) {
	plane := controlplane.Shared(t)
	client := dynamic.NewForConfigOrDie(plane.Config)
	namespace := plane.NewNamespace(t)
	const group = "before.example.com"
	crd := &unstructured.Unstructured{}
	for _, file := range crds.Attache() {
		if strings.HasSuffix(file.Name, "_timeoutpolicies.yaml") {
			if err := yaml.Unmarshal(bytes.ReplaceAll(file.Data, []byte("timeoutpolicies.attache.dev"), []byte("timeoutpolicies."+group)), &crd.Object); err != nil {
				t.Fatal(err)
			}
		}
	}
	crd.SetAnnotations(nil)
	crd.SetLabels(nil)
	_ = unstructured.SetNestedField(crd.Object, group, "spec", "group")
	_ = unstructured.SetNestedStringSlice(crd.Object, []string{}, "spec", "names", "categories")
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	properties, _, _ := unstructured.NestedMap(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties")
	byDefault, has := properties["status"].(map[string]any)["default"]
	if !has {
		t.Fatal("the CRD has no status as a default")
	}
	old := crd.DeepCopy()
	delete(properties["status"].(map[string]any), "default")
	_ = unstructured.SetNestedMap(versions[0].(map[string]any), properties, "schema", "openAPIV3Schema", "properties")
	_ = unstructured.SetNestedSlice(old.Object, versions, "spec", "versions")
	definitions := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	if _, err := definitions.Create(t.Context(), old, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = definitions.Delete(context.Background(), crd.GetName(), metav1.DeleteOptions{}) })

	objects := client.Resource(schema.GroupVersionResource{Group: group, Version: "v1alpha1", Resource: "timeoutpolicies"}).Namespace(namespace)
	for _, name := range []string{"new", "seen"} {
		u := manifestsOfTheTask()[1].object(t, namespace, name)
		u.SetAPIVersion(group + "/v1alpha1")
		eventually.OK(t, eventually.Limit, "the kind to be served", func(ctx context.Context) error {
			_, err := objects.Create(ctx, u, metav1.CreateOptions{})
			if apierrors.IsAlreadyExists(err) {
				return nil // an answer was lost
			}
			return err
		})
	}
	patch, _ := json.Marshal(map[string]any{"status": map[string]any{"ancestors": []any{}, "conditions": []any{condition("Ready", "True")}}})
	if _, err := objects.Patch(t.Context(), "seen", types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	before, err := objects.Get(t.Context(), "new", metav1.GetOptions{})
	if err != nil || before.Object["status"] != nil {
		t.Fatalf("%v, %v", before, err)
	}

	patch, _ = json.Marshal([]any{map[string]any{"op": "add", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/status/default", "value": byDefault}})
	if _, err := definitions.Patch(t.Context(), crd.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"new": pending, "seen": "True Tested, Current"} {
		eventually.OK(t, eventually.Limit, name+" to be "+want, func(ctx context.Context) error {
			u, err := objects.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if got := readyIn(t, u); got != want {
				return fmt.Errorf("it is %s", got)
			}
			return nil
		})
	}
}
