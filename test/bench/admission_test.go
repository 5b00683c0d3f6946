package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/webhook"
)

const ceiling = `
apiVersion: attache.dev/v1alpha1
kind: PolicyGuardrail
metadata: {name: ceiling}
spec:
  enforcement: Deny
  cel:
  - expression: "!has(effective.TimeoutPolicy) || duration(effective.TimeoutPolicy.request) <= duration('10m')"
    message: requests may take ten minutes at most
  - expression: "!has(effective.RetryPolicy) || effective.RetryPolicy.maxRetries <= 10"
    message: at most ten retries
`

// BenchmarkAdmitRoute creates a route as an API server does: one call of the mutating webhook, its
// patch applied, and one call of the validating webhook.
func BenchmarkAdmitRoute(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			s := snapshot(b, n)
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(ceiling), &u.Object); err != nil {
				b.Fatal(err)
			}
			rail, problems := guardrail.Parse(u, guardrail.Compilers{CEL: celrule.Compile})
			if len(problems) > 0 {
				b.Fatal(problems)
			}
			h, err := webhook.New(webhook.Options{
				Snapshot:   func() (*policy.Snapshot, bool) { return s, true },
				Guardrails: func() []*guardrail.Guardrail { return []*guardrail.Guardrail{rail} },
				Metrics:    prometheus.NewRegistry(),
			})
			if err != nil {
				b.Fatal(err)
			}
			mux := h.Mux()
			route := httpRoute("team-0", "new", 3, n/20)
			mutate := creation(b, route)
			annotated := route.DeepCopy()
			var patch []struct{ Value map[string]any }
			if err := json.Unmarshal(call(b, mux, webhook.MutatePath, mutate).Patch, &patch); err != nil || len(patch) != 1 {
				b.Fatal(patch, err)
			}
			_ = unstructured.SetNestedMap(annotated.Object, patch[0].Value, "metadata", "annotations")
			validate := creation(b, annotated)
			if a := call(b, mux, webhook.ValidatePath, validate); !a.Allowed || len(a.Warnings) == 0 {
				b.Fatal(a)
			}
			b.ReportAllocs()
			for b.Loop() {
				call(b, mux, webhook.MutatePath, mutate)
				call(b, mux, webhook.ValidatePath, validate)
			}
		})
	}
}

// creation is the admission review of the creation of an object by a member of a team.
func creation(b *testing.B, u *unstructured.Unstructured) []byte {
	b.Helper()
	raw, err := u.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	gvk := u.GroupVersionKind()
	body, err := json.Marshal(&admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "1", Operation: admissionv1.Create,
			Kind: metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind},
			Name: u.GetName(), Namespace: u.GetNamespace(),
			UserInfo: authenticationv1.UserInfo{Username: "ada", Groups: []string{"system:authenticated"}},
			Object:   runtime.RawExtension{Raw: raw},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	return body
}

func call(b *testing.B, handler http.Handler, path string, body []byte) *admissionv1.AdmissionResponse {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path+"?timeout=5s", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Response == nil {
		b.Fatalf("%d %s", w.Code, w.Body)
	}
	return answer.Response
}
