package main

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	fakediscovery "k8s.io/client-go/discovery/fake"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	ktesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/test/worldtest"
)

// injectedRoute has a value that was put in where there was none, one that replaced
// its owner's, one that its owner changed since then, and a filter beside its own.
const injectedRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop, annotations: {attache.dev/effective-policies: "{}", mine: stays}}
spec:
  parentRefs: [{name: public}]
  rules:
  - name: pay
    timeouts: {request: 30s, backendRequest: 2s}
    filters:
    - {type: ExtensionRef, extensionRef: {group: traefik.io, kind: Middleware, name: ours}}
    - {type: ExtensionRef, extensionRef: {group: traefik.io, kind: Middleware, name: theirs}}
  - name: browse
    timeouts: {request: 9s}
`

const ownRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop, annotations: {mine: stays}}
spec:
  parentRefs: [{name: public}]
  rules:
  - name: pay
    timeouts: {request: 10s}
    filters: [{type: ExtensionRef, extensionRef: {group: traefik.io, kind: Middleware, name: theirs}}]
  - name: browse
    timeouts: {request: 9s}
`

// Leaving gives routes back as their owners wrote them: injected values are removed, the values
// that they replaced come back, and what the owner has changed since stays.
func TestLeavingGivesRoutesBack(t *testing.T) {
	web := worldtest.Object(t, injectedRoute)
	rules, _, _ := unstructured.NestedSlice(web.Object, "spec", "rules")
	record := injected.Record{Rules: []injected.RuleRecord{
		{
			Rule: "pay", Hash: injected.MatchesHash(rules[0].(map[string]any)),
			Had:   map[string]any{"timeouts": map[string]any{"request": "10s"}},
			Wrote: map[string]any{"timeouts": map[string]any{"request": "30s", "backendRequest": "2s"}, "filters": []any{"ours"}},
		},
		{
			Rule: "browse", Index: 1, Hash: injected.MatchesHash(rules[1].(map[string]any)),
			Had: map[string]any{}, Wrote: map[string]any{"timeouts": map[string]any{"request": "30s"}}, // it is 9s now
		},
	}}
	annotations := web.GetAnnotations()
	annotations[injected.Annotation] = record.String()
	web.SetAnnotations(annotations)
	untouched := worldtest.Object(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: plain, namespace: shop}, spec: {rules: [{timeouts: {request: 30s}}]}}`)

	routes := schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}
	client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{routes: "HTTPRouteList"}, web, untouched)
	served := &fakediscovery.FakeDiscovery{Fake: &ktesting.Fake{Resources: []*metav1.APIResourceList{{
		GroupVersion: "gateway.networking.k8s.io/v1",
		APIResources: []metav1.APIResource{{Name: "httproutes", Kind: "HTTPRoute", Namespaced: true, Verbs: metav1.Verbs{"get", "list", "update"}}},
	}}}}
	u := &uninstall{namespace: "attache-system", release: "attache", client: client, discovery: preferring{served}, out: io.Discard}
	for again, want := range []int{1, 0} { // it can be run again
		if n, err := u.giveBack(t.Context()); n != want || err != nil {
			t.Fatalf("run %d: %d routes were given back, %v", again+1, n, err)
		}
	}
	got, err := client.Resource(routes).Namespace("shop").Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(printedAs(t, worldtest.Object(t, ownRoute)), printedAs(t, got)); diff != "" {
		t.Errorf("the route is not as its owner wrote it (- wanted):\n%s", diff)
	}
}

// Leaving deletes the reports that attache wrote in either format, and no others: a name or a label
// alone does not make a report ours.
func TestLeavingDeletesOwnReports(t *testing.T) {
	for _, format := range status.ReportFormats() {
		t.Run(format.Name, func(t *testing.T) {
			report := func(namespace, name, owner string) *unstructured.Unstructured {
				u := format.Object(namespace)
				u.SetName(name)
				u.SetLabels(map[string]string{status.ReportLabel: owner})
				return u
			}
			kinds := map[schema.GroupVersionResource]string{}
			for _, f := range status.ReportFormats() {
				kinds[f.Resource] = f.Kind.Kind + "List"
			}
			client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds,
				report("shop", status.ReportName, status.ReportOwner), report("infra", status.ReportName, status.ReportOwner),
				report("other", status.ReportName, "somebody"), report("shop", "mine", status.ReportOwner))
			u := &uninstall{client: client, out: io.Discard}
			for again, want := range []int{2, 0} {
				if n, err := u.deleteReports(t.Context()); n != want || err != nil {
					t.Fatalf("run %d: %d reports were deleted, %v", again+1, n, err)
				}
			}
			left, err := client.Resource(format.Resource).List(t.Context(), metav1.ListOptions{})
			if err != nil || len(left.Items) != 2 {
				t.Errorf("%v are left, %v", left, err)
			}
		})
	}
}

// preferring lists what a fake serves as what is preferred, which a fake cannot.
type preferring struct{ *fakediscovery.FakeDiscovery }

func (p preferring) ServerPreferredResources() ([]*metav1.APIResourceList, error) {
	return p.Resources, nil
}

func printedAs(t *testing.T, u *unstructured.Unstructured) string {
	t.Helper()
	text, err := yaml.Marshal(u.Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
