package charts

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/test/controlplane"
)

func TestMain(m *testing.M) { os.Exit(controlplane.Main(m, controlplane.Options{})) }

// warnings collects what an API server warns of.
type warnings []string

func (w *warnings) HandleWarningHeader(_ int, _ string, text string) { *w = append(*w, text) }

// TestAnAPIServerTakesEveryObject applies what is rendered as a dry run with
// strict field validation, and every pod template as a pod, in a namespace that
// admits only what the Pod Security Standard "restricted" allows.
func TestAnAPIServerTakesEveryObject(t *testing.T) {
	plane := controlplane.Shared(t)
	heard := &warnings{}
	config := rest.CopyConfig(plane.Config)
	config.WarningHandler = heard
	c, err := client.New(config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	restrict(t, c)
	each(t, func(t *testing.T, objects []*unstructured.Unstructured) {
		*heard = nil
		pods := 0
		for _, u := range objects {
			if group := u.GroupVersionKind().Group; group == "cert-manager.io" || group == "monitoring.coreos.com" {
				continue // its CRDs are not here
			}
			if err := dryRun(t.Context(), c, u); err != nil {
				t.Errorf("%s %s: %v", u.GetKind(), u.GetName(), err)
			}
			if pod := podOf(u); pod != nil {
				pods++
				if err := dryRun(t.Context(), c, pod); err != nil {
					t.Errorf("a pod of %s %s: %v", u.GetKind(), u.GetName(), err)
				}
			}
		}
		if len(*heard) > 0 {
			t.Errorf("warnings: %q", *heard)
		}
		if want := 2 + len(kinds(objects, "Pod")); pods != want {
			t.Errorf("%d kinds of pods, want %d", pods, want)
		}
	})
}

// restrict makes the namespace of releases, once, which admits only restricted pods.
func restrict(t *testing.T, c client.Client) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "attache-system", Labels: map[string]string{
		"pod-security.kubernetes.io/enforce": "restricted",
	}}}
	if err := c.Create(t.Context(), namespace); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// switches are values that change what pods are made of, each with what it may be.
var switches = [][]map[string]any{
	{
		{"certificates": map[string]any{"provider": "self"}},
		{"certificates": map[string]any{"provider": "generated"}},
		{"certificates": map[string]any{"provider": "cert-manager"}},
		{"certificates": map[string]any{"provider": "existing", "existingSecret": "tls", "caBundle": "YQ=="}},
	},
	{nil, {"webhook": map[string]any{"callers": map[string]any{"configMap": "callers", "names": []any{"kube-apiserver"}}}}},
	{nil, {"webhook": placed("system-cluster-critical"), "controller": placed("system-cluster-critical")}},
	{nil, {"metrics": map[string]any{"enabled": false}}},
	{nil, {"hostUsers": false}},
	{nil, {"controller": map[string]any{"replicas": 1, "leaderElection": false, "reports": true, "reportsFormat": "wgpolicy"}}},
	{nil, {"export": map[string]any{"exporters": []any{"envoy-gateway", "traefik", "standard"}}, "annotateRoutes": false, "vendorPolicies": false}},
}

// combinations are all combinations of switches, one after the other.
func combinations(left [][]map[string]any, so map[string]any, f func(map[string]any)) {
	if len(left) == 0 {
		f(so)
		return
	}
	for _, values := range left[0] {
		combinations(left[1:], merged(so, values), f)
	}
}

// merged are two maps of values as one, level by level.
func merged(a, b map[string]any) map[string]any {
	both := maps.Clone(a)
	for key, value := range b {
		inner, ok := value.(map[string]any)
		if before, is := both[key].(map[string]any); ok && is {
			value = merged(before, inner)
		}
		both[key] = value
	}
	return both
}

// TestPodsAreRestrictedWhateverTheValues checks the pods of all combinations of the values that
// change them with the PodSecurity admission plugin of a real API server.
func TestPodsAreRestrictedWhateverTheValues(t *testing.T) {
	c, err := client.New(controlplane.Shared(t).Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	restrict(t, c)
	seen, renderings := map[string]bool{}, 0
	combinations(switches, map[string]any{}, func(values map[string]any) {
		renderings++
		for _, u := range rendered(t, values) {
			pod := podOf(u)
			if pod == nil {
				continue
			}
			text, err := json.Marshal(pod.Object)
			if err != nil {
				t.Fatal(err)
			}
			if seen[string(text)] {
				continue
			}
			seen[string(text)] = true
			if err := dryRun(t.Context(), c, pod); err != nil {
				t.Errorf("%v: a pod of %s %s: %v", values, u.GetKind(), u.GetName(), err)
			}
		}
	})
	t.Logf("%d renderings have %d different pods", renderings, len(seen))
	if len(seen) < renderings/4 {
		t.Error("the switches change next to nothing")
	}
	// That it is looked at at all.
	bad := podOf(find(rendered(t, nil), "Deployment", "attache-webhook"))
	bad.Object["spec"].(map[string]any)["hostNetwork"] = true
	if err := dryRun(t.Context(), c, bad); !apierrors.IsForbidden(err) {
		t.Errorf("a pod in the network of its node is admitted: %v", err)
	}
}

func dryRun(ctx context.Context, c client.Client, u *unstructured.Unstructured) error {
	return c.Create(ctx, u.DeepCopy(), client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
}

// podOf is a pod as the controllers of a workload would make it.
func podOf(u *unstructured.Unstructured) *unstructured.Unstructured {
	if u.GetKind() == "Pod" {
		return u
	}
	template, found, err := unstructured.NestedMap(u.Object, "spec", "template")
	if err != nil || !found {
		return nil
	}
	pod := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"],
	}}
	pod.SetNamespace(u.GetNamespace())
	pod.SetName(fmt.Sprintf("%s-0", u.GetName()))
	return pod
}

// TestTheFolderOfCRDsCanBeApplied as files, and as a base for Kustomize.
func TestTheFolderOfCRDsCanBeApplied(t *testing.T) {
	plane := controlplane.Shared(t)
	for _, how := range []string{"-f", "-k"} {
		said, err := plane.Kubectl(t.Context(), "apply", "--server-side", "--dry-run=server", "--output=name", how, filepath.Join("..", "crds")).CombinedOutput()
		if names := strings.Fields(string(said)); err != nil || len(names) != len(crds.Attache()) {
			t.Errorf("kubectl apply %s: %v, %s", how, err, said)
		}
	}
}

// TestTheDefaultsOfTheAPIAreSpelledOut checks that the API server adds nothing to the webhook
// configurations: otherwise tools that compare the cluster with the chart would always report a
// difference.
func TestTheDefaultsOfTheAPIAreSpelledOut(t *testing.T) {
	c, err := client.New(controlplane.Shared(t).Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range rendered(t, nil) {
		if !strings.HasSuffix(u.GetKind(), "WebhookConfiguration") {
			continue
		}
		stored := u.DeepCopy()
		if err := c.Create(t.Context(), stored, client.DryRunAll); err != nil {
			t.Fatal(err)
		}
		want, _, _ := unstructured.NestedSlice(u.Object, "webhooks")
		got, _, _ := unstructured.NestedSlice(stored.Object, "webhooks")
		for i := range want {
			if a, b := fmt.Sprint(want[i]), fmt.Sprint(got[i]); a != b {
				t.Errorf("%s: the chart says\n%s\nthe API server stores\n%s", u.GetKind(), a, b)
			}
		}
	}
}
