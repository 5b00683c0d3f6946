package worlds

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"pgregory.net/rapid"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/webhook"
)

// reviewOf is the body of the review of a creation.
func reviewOf(t *rapid.T, manifest string) []byte {
	u := manifestOf(t, manifest)
	raw, err := u.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	gvk := u.GroupVersionKind()
	body, err := json.Marshal(&admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "1", Operation: admissionv1.Create, Namespace: u.GetNamespace(), Name: u.GetName(),
			Kind: metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind}, Object: runtime.RawExtension{Raw: raw},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// No part of an answer of admission, none of its entries in the audit log and no label of a metric
// names what the author may not know; the log entry may have any reader, so it says no more than
// the answer to the author.
func TestNoPartOfAnAnswerNamesWhatItsReaderMayNotKnow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawTenantWorld(rt)
		s := snapshotOf(t, w.objects)
		readable := map[string]bool{w.author: true, "plat": true}
		for _, ns := range tenants {
			if rapid.Bool().Draw(rt, "may read "+ns) {
				readable[ns] = true
			}
		}
		guardrails := []*guardrail.Guardrail{
			{Name: "deny", Enforcement: rapid.SampledFrom([]guardrail.Enforcement{guardrail.Deny, guardrail.Warn}).Draw(rt, "enforcement"), Rules: []guardrail.Rule{&talkative{}}},
			{Name: "audit", Enforcement: guardrail.Audit, Rules: []guardrail.Rule{&talkative{}}},
		}
		registry := prometheus.NewRegistry()
		h, err := webhook.New(webhook.Options{
			Snapshot:   func() (*policy.Snapshot, bool) { return s, true },
			Guardrails: func() []*guardrail.Guardrail { return guardrails },
			MayRead: func(context.Context, authenticationv1.UserInfo) func(string) bool {
				return func(ns string) bool { return readable[ns] }
			},
			MaxPaths: rapid.SampledFrom([]int{0, 1}).Draw(rt, "max paths"), MaxResults: rapid.SampledFrom([]int{0, 1}).Draw(rt, "max results"),
			Metrics: registry, Version: "v1",
		})
		if err != nil {
			rt.Fatal(err)
		}
		call := httptest.NewRequest("POST", "/validate?timeout=10s", bytes.NewReader(reviewOf(rt, w.edit)))
		call.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		h.Validate().ServeHTTP(answer, call)
		var out admissionv1.AdmissionReview
		if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil || answer.Code != 200 {
			rt.Fatalf("HTTP %d, %v: %s", answer.Code, err, answer.Body)
		}
		texts := out.Response.Warnings
		if r := out.Response.Result; r != nil {
			texts = append(texts, r.Message)
			for _, c := range r.Details.Causes {
				texts = append(texts, c.Field, c.Message)
			}
		}
		for key, text := range out.Response.AuditAnnotations {
			texts = append(texts, key, text)
		}
		knows(rt, texts, func(ns string) bool { return readable[ns] }, w.edit)
		knows(rt, labelsOf(rt, registry), func(string) bool { return false }, "")
	})
}

// labelsOf are the values of all labels of all metrics.
func labelsOf(t *rapid.T, registry *prometheus.Registry) []string {
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				values = append(values, strings.Clone(l.GetValue()))
			}
		}
	}
	if len(values) == 0 {
		t.Fatal("nothing was measured")
	}
	return values
}
