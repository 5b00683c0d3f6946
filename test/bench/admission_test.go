package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
	"github.com/attache-dev/attache/webhook"
)

// BenchmarkAdmitRoute creates a route as an API server does, below ten guardrails: one call of the
// mutating webhook, its patch applied, and one call of the validating webhook.
func BenchmarkAdmitRoute(b *testing.B) {
	for _, n := range sizes(100, 1000, 10000) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			mux := handler(b, ready(b, snapshot(b, n)), guardrails(b, 10, 0))
			mutate, validate := creations(b, mux, n)
			toMutate, toValidate := caller(b, mux, webhook.MutatePath), caller(b, mux, webhook.ValidatePath)
			var calls latencies
			used := processor(b)
			for i := 0; b.Loop(); i++ {
				calls.time(func() {
					toMutate(mutate[i%len(mutate)])
					toValidate(validate[i%len(validate)])
				})
			}
			used()
			calls.report(b)
		})
	}
}

// BenchmarkAdmitPolicy edits a policy above all routes, below twenty guardrails. The policy is stored as
// the API server sends it.
func BenchmarkAdmitPolicy(b *testing.B) {
	for _, n := range sizes(100, 1000, 10000) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			object := edited(infra, "GatewayClass", "class-0")
			s := ready(b, read(b, append(world{routes: n, classes: 1}.objects(), object(0))))
			mux := handler(b, s, guardrails(b, 15, 5))
			var bodies [][]byte
			for i := range 16 { // others each time, so that no answer can be remembered
				bodies = append(bodies, asked(b, admissionv1.Update, object(i+1), object(0)))
			}
			if a := call(b, mux, webhook.ValidatePath, bodies[0]); !a.Allowed {
				b.Fatal(a)
			}
			ask := caller(b, mux, webhook.ValidatePath)
			var calls latencies
			used := processor(b)
			for i := 0; b.Loop(); i++ {
				calls.time(func() { ask(bodies[i%len(bodies)]) })
			}
			used()
			calls.report(b)
		})
	}
}

func handler(b *testing.B, s *policy.Snapshot, guardrails []*guardrail.Guardrail) http.Handler {
	b.Helper()
	h, err := webhook.New(webhook.Options{
		Snapshot:   func() (*policy.Snapshot, bool) { return s, true },
		Guardrails: func() []*guardrail.Guardrail { return guardrails },
		Metrics:    prometheus.NewRegistry(),
		Deadline:   time.Minute,
	})
	if err != nil {
		b.Fatal(err)
	}
	return h.Mux()
}

// guardrails are rules as platforms have them: each about one field, which it holds on all paths.
func guardrails(b *testing.B, cel, rego int) []*guardrail.Guardrail {
	b.Helper()
	var guardrails []*guardrail.Guardrail
	for i := range cel + rego {
		spec := object{"cel": []any{object{
			"expression": fmt.Sprintf(`duration(effective.?TimeoutPolicy.?request.orValue("1s")) <= duration("%dm")`, 10+i),
			"message":    "a request takes minutes at most", "fieldPath": "effective.TimeoutPolicy.request"}}}
		if i >= cel {
			spec = object{"rego": fmt.Sprintf("package guardrail\n\ndeny contains \"too many retries\" if input.effective.RetryPolicy.maxRetries > %d\n", 10+i)}
		}
		u := &unstructured.Unstructured{Object: object{"apiVersion": "attache.dev/v1alpha1", "kind": "PolicyGuardrail",
			"metadata": object{"name": fmt.Sprintf("rail-%d", i)}, "spec": spec}}
		parsed, problems := guardrail.Parse(u, guardrail.Compilers{CEL: celrule.Compile, Rego: regorule.Compile})
		if len(problems) > 0 {
			b.Fatal(problems)
		}
		guardrails = append(guardrails, parsed)
	}
	return guardrails
}

// creations are those of routes of several namespaces on several Gateways: others each time, so that no
// answer can be remembered.
func creations(b *testing.B, mux http.Handler, routes int) (mutate, validate [][]byte) {
	b.Helper()
	for i := range 16 {
		route := httpRoute(world{routes: routes}.namespace(i), fmt.Sprintf("new-%d", i), 3+7*i, max(1, routes/20))
		m, v := creation(b, mux, route)
		mutate, validate = append(mutate, m), append(validate, v)
	}
	return mutate, validate
}

// creation is what an API server sends when a route is created: to the mutating webhook, and then,
// with what that one answered, to the validating one.
func creation(b *testing.B, mux http.Handler, route *unstructured.Unstructured) (mutate, validate []byte) {
	b.Helper()
	mutate = asked(b, admissionv1.Create, route, nil)
	var patch []struct{ Value map[string]any }
	if err := json.Unmarshal(call(b, mux, webhook.MutatePath, mutate).Patch, &patch); err != nil || len(patch) != 1 {
		b.Fatal(patch, err)
	}
	annotated := route.DeepCopy()
	_ = unstructured.SetNestedMap(annotated.Object, patch[0].Value, "metadata", "annotations")
	validate = asked(b, admissionv1.Create, annotated, nil)
	if a := call(b, mux, webhook.ValidatePath, validate); !a.Allowed || len(a.Warnings) == 0 {
		b.Fatal(a)
	}
	return mutate, validate
}

// asked is the admission review of a write by a member of a team.
func asked(b *testing.B, operation admissionv1.Operation, u, old *unstructured.Unstructured) []byte {
	b.Helper()
	gvk := u.GroupVersionKind()
	request := &admissionv1.AdmissionRequest{
		UID: "1", Operation: operation,
		Kind: metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind},
		Name: u.GetName(), Namespace: u.GetNamespace(),
		UserInfo: authenticationv1.UserInfo{Username: "ada", Groups: []string{"system:authenticated"}},
		Object:   runtime.RawExtension{Raw: jsonOf(b, u)},
	}
	if old != nil {
		request.OldObject = runtime.RawExtension{Raw: jsonOf(b, old)}
	}
	body, err := json.Marshal(&admissionv1.AdmissionReview{TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: request})
	if err != nil {
		b.Fatal(err)
	}
	return body
}

func jsonOf(b *testing.B, u *unstructured.Unstructured) []byte {
	b.Helper()
	raw, err := u.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	return raw
}

func call(b *testing.B, handler http.Handler, path string, body []byte) *admissionv1.AdmissionResponse {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path+"?timeout=30s", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Response == nil {
		b.Fatalf("%d %s", w.Code, w.Body)
	}
	return answer.Response
}

// caller returns a function that calls a webhook and sees whether the answer is yes. It does little
// else, so that only the handler is measured.
func caller(b *testing.B, handler http.Handler, path string) func(body []byte) {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, path+"?timeout=30s", http.NoBody)
	r.Header.Set("Content-Type", "application/json")
	w := &kept{header: http.Header{}}
	return func(body []byte) {
		clear(w.header)
		w.body.Reset()
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		handler.ServeHTTP(w, r)
		if !bytes.Contains(w.body.Bytes(), []byte(`"allowed":true`)) {
			b.Fatalf("%s", w.body.Bytes())
		}
	}
}

// kept is the answer to a call, whose memory the next one uses.
type kept struct {
	header http.Header
	body   bytes.Buffer
}

func (k *kept) Header() http.Header                  { return k.header }
func (k *kept) WriteHeader(int)                      {}
func (k *kept) Write(text []byte) (n int, err error) { return k.body.Write(text) }
