package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	registration "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// exemptions are labels, and annotations, by which some admission engine or another leaves a
// namespace alone, or which only namespaces of the system have.
var exemptions = map[string]string{
	"kubernetes.io/metadata.name":        "kube-system",
	"name":                               "kube-system",
	"control-plane":                      "controller-manager",
	"kubernetes.io/cluster-service":      "true",
	"admission.gatekeeper.sh/ignore":     "no-self-managing",
	"policies.kyverno.io/exclude":        "true",
	"attache.dev/ignore":                 "true",
	"attache.dev/exempt":                 "true",
	"attache.dev/inject":                 "false",
	"app.kubernetes.io/managed-by":       "attache",
	"app.kubernetes.io/name":             "attache",
	"app.kubernetes.io/instance":         "attache",
	"app.kubernetes.io/part-of":          "attache",
	"pod-security.kubernetes.io/enforce": "privileged",
}

// ownsNamespace are ways to write labels and annotations of one's own Namespace.
func ownsNamespace() map[string]func(w *world, labels map[string]string) error {
	const kind = "Namespace.v1."
	patch := func(w *world, how types.PatchType, patch any) error {
		data, err := json.Marshal(patch)
		if err != nil {
			return err
		}
		return w.Patch(w.Context(), named(kind, "", w.namespace), client.RawPatch(how, data))
	}
	return map[string]func(w *world, labels map[string]string) error{
		"update": func(w *world, labels map[string]string) error {
			u := named(kind, "", w.namespace)
			if err := w.Get(w.Context(), client.ObjectKeyFromObject(u), u); err != nil {
				return err
			}
			u.SetLabels(labels)
			u.SetAnnotations(labels)
			return w.Update(w.Context(), u)
		},
		"merge patch": func(w *world, labels map[string]string) error {
			return patch(w, types.MergePatchType, map[string]any{"metadata": map[string]any{"labels": labels, "annotations": labels}})
		},
		"JSON patch": func(w *world, labels map[string]string) error {
			return patch(w, types.JSONPatchType, []any{
				map[string]any{"op": "remove", "path": "/metadata/labels"},
				map[string]any{"op": "add", "path": "/metadata/labels", "value": labels},
			})
		},
		"server-side apply": func(w *world, labels map[string]string) error {
			u := named(kind, "", w.namespace)
			u.SetLabels(labels)
			u.SetAnnotations(labels)
			return w.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("tenant"), client.ForceOwnership)
		},
	}
}

// seesNamespaces waits until the admission of the API server knows that a Namespace has a label: a
// webhook that selects by it is called.
func (a *admission) seesNamespaces(t *testing.T, w *world, key, value string) {
	t.Helper()
	name := "seen-" + value
	m := a.mutator(t, name, registration.NeverReinvocationPolicy)
	admin := newWorld(t, a.plane.Config, "")
	admin.edit("MutatingWebhookConfiguration.v1.admissionregistration.k8s.io", name, func(u *obj) {
		selector, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&metav1.LabelSelector{MatchLabels: map[string]string{key: value}})
		if err != nil {
			t.Fatal(err)
		}
		u.Object["webhooks"].([]any)[0].(map[string]any)["namespaceSelector"] = selector
	})
	within(t, patience, "the API server to know the label", func(context.Context) error {
		before := m.called()
		_, err := w.tryCreate(policyOn(w.namespace, "seen", "kind: HTTPRoute, name: web", fiveSeconds), client.DryRunAll)
		if m.called() == before {
			return errors.Join(errors.New("it does not"), err)
		}
		return nil
	})
}

// The owner of a namespace may do everything in it, and edit the Namespace itself. No label and no
// annotation of it keeps writes from being reviewed.
func TestNoLabelOfANamespaceExemptsIt(t *testing.T) {
	s := startSite(t, nil, "team-a")
	alice := s.owner("alice", "team-a")
	alice.route("web", "5s")
	s.as(s.plane.Config, "team-a").apply(atMost60s)
	s.knows("at-most-60s-team-a", "team-a")
	s.admin.apply(exposed)
	s.admin.apply(strings.NewReplacer("name: public", "name: bare").Replace(strings.Split(above, "---")[2]))
	violates := map[string]func() error{
		"a policy": func() error { return alice.attempt("TimeoutPolicy", "web", request("90s")) },
		"a route": func() error {
			return alice.attempt("HTTPRoute", "web", func(u *obj) { states(u, "2m") })
		},
	}
	unlimited := func() error {
		_, err := alice.tryCreate(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: free, namespace: team-a}, spec: {parentRefs: [{name: bare, namespace: infra}], rules: [{}]}}`)
		return err
	}
	n := 0
	for way, write := range ownsNamespace() {
		t.Run(way, func(t *testing.T) {
			n++
			labels := map[string]string{"round": string(rune('a' + n))}
			for key, value := range exemptions {
				labels[key] = value
			}
			within(t, patience, "the labels to be written", func(context.Context) error { return write(alice, labels) })
			if got := s.as(s.plane.Config, "").object("Namespace.v1.", "team-a").GetLabels(); got["kubernetes.io/metadata.name"] != "team-a" || got["attache.dev/exempt"] != "true" {
				t.Fatalf("the Namespace has the labels %v", got)
			}
			s.seesNamespaces(t, alice, "round", labels["round"])
			alice := &world{t, alice.Client, alice.config, alice.namespace}
			for what, try := range violates {
				alice.refusedBy("at-most-60s-team-a", what, try)
			}
			alice.refusedBy("a-limit-for-everybody", "a route without a limit", unlimited)
		})
	}
}
