package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/validate"
	"github.com/attache-dev/attache/test/worldtest"
)

// How the tests write objects.
var (
	objects = worldtest.Objects
	object  = worldtest.Object
)

// shop is what the tests start from.
const shop = `
apiVersion: v1
kind: Namespace
metadata: {name: infra}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec: {controllerName: example.com/gateway}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners:
  - {name: https, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: public, namespace: infra, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: public}
  default: {request: 10s, backend: 5s}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: shop}
spec:
  parentRefs: [{name: public, namespace: infra}]
  rules:
  - name: pay
  - name: twice
  - name: twice
`

const checkout = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checkout, namespace: shop}
spec:
  parentRefs: [{name: public, namespace: infra}]
  rules: [{name: pay}]
`

// kinds is a snapshot of nothing but our policy kinds. Snapshots are immutable,
// so the tests can share it; compiling the rules takes a while.
var kinds = sync.OnceValues(func() (*policy.Snapshot, error) { return compile(nil) })

// kindsAtOdds are our kinds without what keeps their fields from getting at odds
// with each other: with them two right policies can come to nonsense.
var kindsAtOdds = sync.OnceValues(func() (*policy.Snapshot, error) {
	return compile(func(u *unstructured.Unstructured) {
		annotations := u.GetAnnotations()
		delete(annotations, crd.PropertyAtMost.Annotation())
		u.SetAnnotations(annotations)
	})
})

func compile(change func(*unstructured.Unstructured)) (*policy.Snapshot, error) {
	var definitions []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(file.Data, &u.Object); err != nil {
			return nil, err
		}
		if change != nil {
			change(u)
		}
		definitions = append(definitions, u)
	}
	s, problems := policy.NewSnapshot(policy.Options{
		PlatformNamespaces: []string{"infra"},
		Compile: func(d crd.Definition) (policy.Validator, error) {
			return validate.Compile(d)
		},
	}).With(definitions...)
	if len(problems) > 0 {
		return nil, fmt.Errorf("the CRDs have problems: %v", problems)
	}
	return s, nil
}

// world is a snapshot of our kinds and some manifests.
func world(t testing.TB, manifests ...string) *policy.Snapshot {
	t.Helper()
	return worldOf(t, kinds, manifests...)
}

func worldOf(t testing.TB, kinds func() (*policy.Snapshot, error), manifests ...string) *policy.Snapshot {
	t.Helper()
	s, err := kinds()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range append([]string{shop}, manifests...) {
		next, problems := s.With(objects(t, m)...)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		s = next
	}
	return s
}

// handlersOf are handlers that decide with a snapshot.
func handlersOf(t testing.TB, s *policy.Snapshot, change ...func(*Options)) *Handlers {
	t.Helper()
	o := Options{
		Snapshot:    func() (*policy.Snapshot, bool) { return s, true },
		Controllers: []string{"system:serviceaccount:attache-system:attache"},
		Metrics:     prometheus.NewRegistry(),
		Deadline:    time.Minute, // machines that run tests can be busy
	}
	for _, f := range change {
		f(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask is a review in the making.
type ask struct {
	operation   admissionv1.Operation
	object, old *unstructured.Unstructured
	user        string
	dryRun      bool
	subresource string
	manager     string
}

func create(t testing.TB, manifest string) ask {
	return ask{operation: admissionv1.Create, object: object(t, manifest)}
}

func update(t testing.TB, old, manifest string) ask {
	return ask{operation: admissionv1.Update, old: object(t, old), object: object(t, manifest)}
}

func remove(t testing.TB, manifest string) ask {
	return ask{operation: admissionv1.Delete, old: object(t, manifest)}
}

// testUID is the uid of all reviews of the tests.
const testUID = "7d0e2c5e"

func (a ask) body(t testing.TB) []byte {
	t.Helper()
	u := a.object
	if u == nil {
		u = a.old
	}
	gvk := u.GroupVersionKind()
	request := &admissionv1.AdmissionRequest{
		UID: testUID, Operation: a.operation, Namespace: u.GetNamespace(), Name: u.GetName(),
		Kind:   metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind},
		DryRun: &a.dryRun, SubResource: a.subresource,
		UserInfo: userInfo(a.user),
	}
	if a.manager != "" {
		request.Options = runtime.RawExtension{Raw: encode(t, metav1.PatchOptions{FieldManager: a.manager})}
	}
	if a.object != nil {
		request.Object = runtime.RawExtension{Raw: encode(t, a.object)}
	}
	if a.old != nil {
		request.OldObject = runtime.RawExtension{Raw: encode(t, a.old)}
	}
	return encode(t, &admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request:  request,
	})
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// post makes a call without a network.
func post(h http.Handler, body []byte, change ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest(http.MethodPost, "/?timeout=70s", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// answerTo returns the response to a review that must be decided.
func answerTo(t testing.TB, h http.Handler, a ask) *admissionv1.AdmissionResponse {
	t.Helper()
	answer := post(h, a.body(t))
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("HTTP %d: %s", answer.StatusCode, data)
	}
	var out admissionv1.AdmissionReview
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	if out.Response.UID != "7d0e2c5e" || out.APIVersion != "admission.k8s.io/v1" || out.Kind != "AdmissionReview" {
		t.Fatalf("not an answer to the review: %s", data)
	}
	for _, w := range out.Response.Warnings {
		if len(w) >= 250 {
			t.Errorf("a warning of %d bytes: %s", len(w), w)
		}
	}
	return out.Response
}

// patched is the object of a review after the response's patch.
func patched(t testing.TB, a ask, response *admissionv1.AdmissionResponse) *unstructured.Unstructured {
	t.Helper()
	if len(response.Patch) == 0 {
		return a.object
	}
	patch, err := jsonpatch.DecodePatch(response.Patch)
	if err != nil {
		t.Fatal(err)
	}
	data, err := patch.Apply(encode(t, a.object))
	if err != nil {
		t.Fatalf("%v: %s", err, response.Patch)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return u
}

// wanted is the annotation that the controller would write once an object is
// stored.
func wanted(t testing.TB, s *policy.Snapshot, u *unstructured.Unstructured) string {
	t.Helper()
	stored := u.DeepCopy()
	stored.SetUID("5a0d8c88")
	stored.SetGeneration(7)
	stored.SetCreationTimestamp(metav1.Now())
	after, _ := s.With(stored)
	ref := (&request{AdmissionRequest: &admissionv1.AdmissionRequest{
		Name: u.GetName(), Namespace: u.GetNamespace(),
		Kind: metav1.GroupVersionKind{Group: u.GroupVersionKind().Group, Kind: u.GetKind()},
	}}).ref()
	e := effective.Resolve(after, ref).Get(ref)
	e.Generation = 1 // it is being created
	value, _ := publish.AnnotationValue(e)
	return value
}

func has(list []string, part string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) })
}
