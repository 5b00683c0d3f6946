package ground

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/test/controlplane"
)

var dryRun = client.DryRunAll

// world is a namespace whose routes a hook changes.
type world struct {
	*testing.T
	client.WithWatch
	plane     *controlplane.ControlPlane
	namespace string
	hook      *hook
}

// newWorld has a webhook with the conditions under test.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := bareWorld(t, controlplane.Shared(t))
	w.install("inject", w.hook, notGoing, changed)
	return w
}

// bareWorld has a hook that nobody calls yet.
func bareWorld(t *testing.T, plane *controlplane.ControlPlane) *world {
	t.Helper()
	c, err := client.NewWithWatch(plane.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &world{T: t, WithWatch: c, plane: plane, namespace: plane.NewNamespace(t), hook: &hook{}}
}

// checkout is a route of two named rules. The second one states a timeout.
const checkout = `
metadata: {name: checkout}
spec:
  rules:
  - name: cart
    matches: [{path: {type: PathPrefix, value: /cart}}]
    backendRefs: [{name: cart, port: 80, weight: 3}, {name: cart-canary, port: 80, weight: 1}]
  - name: pay
    matches: [{path: {type: PathPrefix, value: /pay}}]
    timeouts: {request: 60s}
    backendRefs: [{name: pay, port: 80}]
`

// parsed is a route of the world's namespace; kind and version may be left out.
func (w *world) parsed(manifest string) *unstructured.Unstructured {
	w.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &u.Object); err != nil {
		w.Fatal(err)
	}
	if u.GetKind() == "" {
		u.SetKind("HTTPRoute")
		u.SetAPIVersion("gateway.networking.k8s.io/v1")
	}
	u.SetNamespace(w.namespace)
	return u
}

func (w *world) create(manifest string) *unstructured.Unstructured {
	w.Helper()
	u := w.parsed(manifest)
	if err := w.Create(w.Context(), u); err != nil {
		w.Fatal(err)
	}
	return u
}

func (w *world) route() *unstructured.Unstructured {
	w.Helper()
	u := w.parsed(`{metadata: {name: checkout}}`)
	if err := w.Get(w.Context(), client.ObjectKeyFromObject(u), u); err != nil {
		w.Fatal(err)
	}
	return u
}

// apply is a server-side apply as a manager.
func (w *world) apply(manager, manifest string, options ...client.ApplyOption) (*unstructured.Unstructured, error) {
	w.Helper()
	u := w.parsed(manifest)
	err := w.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(u), append(options, client.FieldOwner(manager))...)
	return u, err
}

func (w *world) mustApply(manager, manifest string, options ...client.ApplyOption) *unstructured.Unstructured {
	w.Helper()
	u, err := w.apply(manager, manifest, options...)
	if err != nil {
		w.Fatal(err)
	}
	return u
}

// touch sends the empty merge patch that only makes admission happen.
func (w *world) touch() *unstructured.Unstructured {
	w.Helper()
	return w.patch(`{}`, toucher)
}

// patch sends a JSON merge patch as a manager.
func (w *world) patch(body, manager string) *unstructured.Unstructured {
	w.Helper()
	u := w.parsed(`{metadata: {name: checkout}}`)
	if err := w.Patch(w.Context(), u, client.RawPatch(types.MergePatchType, []byte(body)), client.FieldOwner(manager)); err != nil {
		w.Fatal(err)
	}
	return u
}

// kubectl runs kubectl in the world's namespace with a manifest on standard input.
func (w *world) kubectl(manifest string, arguments ...string) string {
	w.Helper()
	said, err := w.tryKubectl(manifest, arguments...)
	if err != nil {
		w.Fatalf("kubectl %s: %v: %s", strings.Join(arguments, " "), err, said)
	}
	return said
}

func (w *world) tryKubectl(manifest string, arguments ...string) (string, error) {
	w.Helper()
	cmd := w.plane.Kubectl(w.Context(), append([]string{"-n", w.namespace}, arguments...)...)
	if manifest != "" {
		text, err := w.parsed(manifest).MarshalJSON()
		if err != nil {
			w.Fatal(err)
		}
		cmd.Stdin = strings.NewReader(string(text))
	}
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// says fails unless a leaf of a rule has a value, nil for absent.
func (w *world) says(route *unstructured.Unstructured, rule, leaf string, want any) {
	w.Helper()
	for _, r := range rulesOf(route) {
		if nameOf(r) == rule {
			if got := get(r, leaf); plain(got) != plain(want) {
				w.Errorf("rule %s has %s %s, want %s", rule, leaf, plain(got), plain(want))
			}
			return
		}
	}
	w.Errorf("there is no rule %s in %s", rule, plain(rulesOf(route)))
}

// ownSays is says of the owner's words.
func (w *world) ownSays(route *unstructured.Unstructured, rule, leaf string, want any) {
	w.Helper()
	words := route.DeepCopy()
	list := []any{}
	for _, r := range own(route, recordOf(route)) {
		list = append(list, r)
	}
	if err := unstructured.SetNestedSlice(words.Object, list, "spec", "rules"); err != nil {
		w.Fatal(err)
	}
	w.says(words, rule, leaf, want)
}

// owners are the managers that own spec.rules, as "manager/operation".
func owners(route *unstructured.Unstructured) []string {
	var out []string
	for _, m := range route.GetManagedFields() {
		if m.FieldsV1 != nil && strings.Contains(m.FieldsV1.GetRawString(), `"f:rules"`) {
			out = append(out, m.Manager+"/"+string(m.Operation))
		}
	}
	return out
}

// version is what changes when something is stored.
func version(route *unstructured.Unstructured) string {
	return fmt.Sprintf("generation %d, resourceVersion %s", route.GetGeneration(), route.GetResourceVersion())
}
