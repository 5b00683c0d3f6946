package edits_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/test/edits"
	"github.com/attache-dev/attache/webhook"
)

// TestTheWebhookSaysTheSame sends admission reviews as an API server does: first to the mutating
// webhook, then with its result to the validating one.
func TestTheWebhookSaysTheSame(t *testing.T) {
	for _, c := range corpus(t) {
		t.Run(c.Name, func(t *testing.T) {
			stage, err := c.Stage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			handlers, err := webhook.New(webhook.Options{
				Snapshot:   func() (*policy.Snapshot, bool) { return stage.World, true },
				Guardrails: func() []*guardrail.Guardrail { return stage.Guardrails },
				Compilers:  edits.Compilers,
				MayRead: func(_ context.Context, who authenticationv1.UserInfo) func(string) bool {
					if who.Username != c.User.Username {
						t.Errorf("what %s may read is asked", who.Username)
					}
					if stage.Edit.MayRead == nil {
						return func(string) bool { return true }
					}
					return stage.Edit.MayRead
				},
				Deadline: time.Minute, // machines that run tests can be busy
				Metrics:  prometheus.NewRegistry(),
			})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(handlers.Mux())
			defer server.Close()

			request := requestOf(t, c, stage)
			mutated := reply(t, server.URL+webhook.MutatePath, request)
			if !mutated.Allowed || len(mutated.Warnings) > 0 {
				t.Errorf("the mutating webhook says %v", mutated)
			}
			if len(mutated.Patch) > 0 {
				patch, err := jsonpatch.DecodePatch(mutated.Patch)
				if err != nil {
					t.Fatal(err)
				}
				if request.Object.Raw, err = patch.Apply(request.Object.Raw); err != nil {
					t.Fatal(err)
				}
			}
			answer := reply(t, server.URL+webhook.ValidatePath, request)
			got := edits.Verdict{Denied: !answer.Allowed, Warnings: answer.Warnings}
			if answer.Result != nil {
				got.Message = answer.Result.Message
			}
			if diff := cmp.Diff(reviewed(t, c).String(), got.String()); diff != "" {
				t.Errorf("package guardrail and the webhook differ (-guardrail +webhook):\n%s", diff)
			}
			if diff := cmp.Diff(c.Verdict.String(), got.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// requestOf is what an API server asks about an edit.
func requestOf(t *testing.T, c edits.Case, stage *edits.Stage) *admissionv1.AdmissionRequest {
	t.Helper()
	gvk := c.Edit.GroupVersionKind()
	kind := metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind}
	request := &admissionv1.AdmissionRequest{
		UID: "7d0e2c5e", Kind: kind, RequestKind: &kind,
		Name: c.Edit.GetName(), Namespace: c.Edit.GetNamespace(),
		Operation: admissionv1.Operation(stage.Change.Operation()),
		UserInfo:  authenticationv1.UserInfo{Username: c.User.Username, Groups: c.User.Groups},
		OldObject: raw(t, stage.Change.Old),
		Object:    raw(t, stage.Change.New),
	}
	if c.Edit.GetKind() == "Namespace" {
		request.Namespace = c.Edit.GetName() // as if it were in itself
	}
	if request.Operation == admissionv1.Create { // these are set before admission
		created := stage.Change.New.DeepCopy()
		created.SetUID("0d5c88f2")
		created.SetCreationTimestamp(metav1.Now())
		request.Object = raw(t, created)
	}
	return request
}

func raw(t *testing.T, u *unstructured.Unstructured) runtime.RawExtension {
	t.Helper()
	if u == nil {
		return runtime.RawExtension{}
	}
	data, err := u.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return runtime.RawExtension{Raw: data}
}

// reply is the answer to a review.
func reply(t *testing.T, url string, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	t.Helper()
	review := admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Request:  request,
	}
	body, err := json.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	call, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	call.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(call)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	review = admissionv1.AdmissionReview{}
	if err := json.NewDecoder(answer.Body).Decode(&review); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("HTTP %d: %v", answer.StatusCode, err)
	}
	if review.Response == nil || review.Response.UID != request.UID {
		t.Fatalf("not an answer to the review: %+v", review)
	}
	return review.Response
}
