package doctor_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/attache-dev/attache/cmd/kubectl-effective_policy/doctor"
	"github.com/attache-dev/attache/policy/export/exporters"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/test/worldtest"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// authority is a certificate of an authority that ends at a time, as PEM.
func authority(t *testing.T, end time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: end.Add(-365 * 24 * time.Hour), NotAfter: end, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app.kubernetes.io/part-of": "attache", "app.kubernetes.io/version": "v1.0.0"}}
}

// sound is an installation as it must be, which a test spoils.
type sound struct {
	deployment *appsv1.Deployment
	lease      *coordinationv1.Lease
	webhook    *admissionv1.ValidatingWebhookConfiguration
	policy     *admissionv1.ValidatingAdmissionPolicy
	binding    *admissionv1.ValidatingAdmissionPolicyBinding
	slice      *discoveryv1.EndpointSlice
	settings   *corev1.ConfigMap
	crds       []*unstructured.Unstructured
	objects    []*unstructured.Unstructured
	forbidden  bool // whoever asks may read nothing of the release
	may        bool
}

func newSound(t *testing.T) *sound {
	t.Helper()
	s := &sound{
		deployment: &appsv1.Deployment{ObjectMeta: meta("attache-system", "attache-webhook"), Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](2)}, Status: appsv1.DeploymentStatus{ReadyReplicas: 2}},
		lease: &coordinationv1.Lease{ObjectMeta: meta("attache-system", "controller.attache.dev"), Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To("controller-1"), LeaseDurationSeconds: ptr.To[int32](15), RenewTime: &metav1.MicroTime{Time: now.Add(-3 * time.Second)}}},
		webhook: &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: meta("", "attache"), Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "policies.attache.dev", FailurePolicy: ptr.To(admissionv1.Fail),
			ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: "attache-system", Name: "attache-webhook"}, CABundle: authority(t, now.Add(300*24*time.Hour))}}}},
		policy:   &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: meta("", "attache-results")},
		binding:  &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: meta("", "attache-results"), Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: "attache-results"}},
		slice:    &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "attache-system", Name: "w", Labels: map[string]string{"kubernetes.io/service-name": "attache-webhook"}}, Endpoints: []discoveryv1.Endpoint{{}}},
		settings: &corev1.ConfigMap{ObjectMeta: meta("attache-system", "attache-settings"), Data: map[string]string{"platformNamespaces": "infra"}},
		may:      true,
	}
	for group, plurals := range map[string][]string{
		"gateway.networking.k8s.io": {"gatewayclasses", "gateways", "httproutes"},
		"attache.dev":               {"timeoutpolicies", "retrypolicies", "ratelimitpolicies", "effectivepolicies", "policyguardrails"},
	} {
		for _, plural := range plurals {
			version := "v1"
			if group == "attache.dev" {
				version = "v1alpha1"
			}
			s.crds = append(s.crds, &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": plural + "." + group},
				"spec":   map[string]any{"versions": []any{map[string]any{"name": version, "served": true}}},
				"status": map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "True"}}},
			}})
		}
	}
	return s
}

// wrote puts an object of an exporter there, beside one of somebody else's.
func (s *sound) wrote(t *testing.T, exporter string) {
	t.Helper()
	for name, labels := range map[string]string{"ours": "app.kubernetes.io/managed-by: attache, attache.dev/exporter: " + exporter, "theirs": "app.kubernetes.io/managed-by: helm"} {
		s.objects = append(s.objects, worldtest.Object(t, `{apiVersion: traefik.io/v1alpha1, kind: Middleware, metadata: {name: `+name+`, namespace: shop, labels: {`+labels+`}}}`))
	}
}

// reported puts a report of ours there, beside one of somebody else's.
func (s *sound) reported(t *testing.T) {
	t.Helper()
	for namespace, owner := range map[string]string{"shop": "attache", "other": "somebody"} {
		s.objects = append(s.objects, worldtest.Object(t, `{apiVersion: openreports.io/v1alpha1, kind: Report, metadata: {name: attache-guardrails, namespace: `+namespace+`, labels: {app.kubernetes.io/managed-by: `+owner+`}}}`))
	}
}

// examined is what the doctor says.
func (s *sound) examined(t *testing.T) []doctor.Check {
	t.Helper()
	client := fake.NewClientset(s.deployment, s.lease, s.webhook, s.policy, s.binding, s.slice, s.settings, &corev1.Service{ObjectMeta: meta("attache-system", "attache-webhook")})
	client.PrependReactor("create", "selfsubjectaccessreviews", func(ktesting.Action) (bool, runtime.Object, error) {
		return true, &authorizationv1.SelfSubjectAccessReview{Status: authorizationv1.SubjectAccessReviewStatus{Allowed: s.may}}, nil
	})
	if s.forbidden {
		client.PrependReactor("*", "*", func(a ktesting.Action) (bool, runtime.Object, error) {
			if a.GetResource().Resource == "selfsubjectaccessreviews" || a.GetResource().Resource == "configmaps" || a.GetResource().Resource == "version" {
				return false, nil, nil
			}
			return true, nil, apierrors.NewForbidden(a.GetResource().GroupResource(), "", nil)
		})
	}
	var objects []runtime.Object
	for _, u := range slices.Concat(s.crds, s.objects) {
		objects = append(objects, u)
	}
	lists := map[schema.GroupVersionResource]string{
		{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}: "CustomResourceDefinitionList",
		{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}:           "HTTPRouteList",
		{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "grpcroutes"}:           "GRPCRouteList",
	}
	for _, row := range doctor.Exporters() {
		for _, resource := range row.Kinds {
			lists[resource] = resource.Resource + "List"
		}
	}
	for _, format := range doctor.ReportFormats() {
		lists[format.Resource] = format.Resource.Resource + "List"
	}
	crds := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists, objects...)
	return doctor.Examine(t.Context(), doctor.Cluster{Client: client, Dynamic: crds, Namespace: "attache-system", Version: "1.0.0", Now: func() time.Time { return now }})
}

func TestASoundInstallationIsHealthy(t *testing.T) {
	checks := newSound(t).examined(t)
	for _, c := range checks {
		if c.State != doctor.OK {
			t.Errorf("%s %s: %s: %s", c.Part, c.Name, c.State, c.Message)
		}
	}
	if len(checks) < 10 || !doctor.Healthy(checks) {
		t.Errorf("%d checks", len(checks))
	}
}

// Everything that is broken is found, with what to do, and nothing else.
func TestWhatIsWrongIsFound(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*testing.T, *sound)
		part  string
		state doctor.State
		says  string
	}{
		"no HTTPRoute":       {func(_ *testing.T, s *sound) { s.drop("httproutes.gateway.networking.k8s.io") }, "CRDs", doctor.Problem, "httproutes are not there: install Gateway API"},
		"no policies":        {func(_ *testing.T, s *sound) { s.drop("timeoutpolicies.attache.dev") }, "CRDs", doctor.Problem, "timeoutpolicies are not there"},
		"not established":    {func(_ *testing.T, s *sound) { delete(s.crds[0].Object, "status") }, "CRDs", doctor.Problem, "not established"},
		"no replica":         {func(_ *testing.T, s *sound) { s.deployment.Status.ReadyReplicas = 0 }, "processes", doctor.Problem, "none of 2 replicas is ready"},
		"one replica":        {func(_ *testing.T, s *sound) { s.deployment.Status.ReadyReplicas = 1 }, "processes", doctor.Warning, "1 of 2"},
		"scaled away":        {func(_ *testing.T, s *sound) { s.deployment.Spec.Replicas = ptr.To[int32](0) }, "processes", doctor.Problem, "scaled to 0"},
		"another version":    {func(_ *testing.T, s *sound) { s.deployment.Labels["app.kubernetes.io/version"] = "v2.0.0" }, "processes", doctor.Warning, "this command is 1.0.0"},
		"elsewhere":          {func(_ *testing.T, s *sound) { s.settings.Namespace = "other" }, "processes", doctor.Problem, "--attache-namespace"},
		"nobody leads":       {func(_ *testing.T, s *sound) { s.lease.Spec.HolderIdentity = ptr.To("") }, "leader", doctor.Problem, "nobody leads"},
		"the leader is dead": {func(_ *testing.T, s *sound) { s.lease.Spec.RenewTime.Time = now.Add(-time.Minute) }, "leader", doctor.Problem, "controller-1 has not renewed it for 1m0s"},
		"no bundle":          {func(_ *testing.T, s *sound) { s.webhook.Webhooks[0].ClientConfig.CABundle = nil }, "webhooks", doctor.Problem, "caBundle is empty"},
		"no certificate":     {func(_ *testing.T, s *sound) { s.webhook.Webhooks[0].ClientConfig.CABundle = []byte("x") }, "webhooks", doctor.Problem, "has no certificate"},
		"expired": {func(t *testing.T, s *sound) {
			s.webhook.Webhooks[0].ClientConfig.CABundle = authority(t, now.Add(-2*time.Hour))
		}, "webhooks", doctor.Problem, "ended 2h0m0s ago"},
		"nearly expired": {func(t *testing.T, s *sound) {
			s.webhook.Webhooks[0].ClientConfig.CABundle = authority(t, now.Add(48*time.Hour))
		}, "webhooks", doctor.Warning, "ends in 48h0m0s"},
		"old and new": {func(t *testing.T, s *sound) {
			s.webhook.Webhooks[0].ClientConfig.CABundle = slices.Concat(authority(t, now.Add(-2*time.Hour)), authority(t, now.Add(2000*time.Hour)))
		}, "webhooks", doctor.OK, "failurePolicy Fail"},
		"no configuration": {func(_ *testing.T, s *sound) { s.webhook.Labels = nil }, "webhooks", doctor.Problem, "nothing is refused"},
		"no endpoint":      {func(_ *testing.T, s *sound) { s.slice.Endpoints[0].Conditions.Ready = ptr.To(false) }, "webhooks", doctor.Problem, "no endpoint is ready"},
		"nothing binds it": {func(_ *testing.T, s *sound) { s.binding.Spec.PolicyName = "x" }, "admission policy", doctor.Problem, "nothing binds it"},
		"no policy":        {func(_ *testing.T, s *sound) { s.policy.Labels = nil }, "admission policy", doctor.Warning, "there is none"},
		"left behind":      {func(t *testing.T, s *sound) { s.wrote(t, "traefik") }, "exporters", doctor.Warning, "nobody removes 1 objects: name it in export.cleanup"},
		"on the way out": {func(t *testing.T, s *sound) {
			s.wrote(t, "traefik")
			s.settings.Data["exportCleanup"] = "envoy-gateway,traefik"
		}, "exporters", doctor.Warning, "1 objects are being removed"},
		"at work": {func(t *testing.T, s *sound) {
			s.wrote(t, "traefik")
			s.settings.Data["exporters"] = "traefik"
		}, "exporters", doctor.OK, "switched on, 1 objects"},
		"values left in a route": {func(t *testing.T, s *sound) {
			s.objects = append(s.objects, worldtest.Object(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: shop, annotations: {attache.dev/injected: '{"rules":[]}'}}}`))
		}, "exporters", doctor.Warning, "export --restore"},
		"reports in another format": {func(t *testing.T, s *sound) {
			s.settings.Data["reportsFormat"] = "wgpolicy"
			s.reported(t)
		}, "policy reports", doctor.Warning, "1 in the format openreports are out of date, since controller.reportsFormat is wgpolicy: kubectl delete reports.openreports.io -A -l app.kubernetes.io/managed-by=attache"},
		"reports in the format of the release": {func(t *testing.T, s *sound) {
			s.settings.Data["reportsFormat"] = "openreports"
			s.reported(t)
		}, "your rights", doctor.OK, ""},
		"few rights": {func(_ *testing.T, s *sound) { s.may = false }, "your rights", doctor.Warning, "attache-cli"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSound(t)
			test.spoil(t, s)
			checks := s.examined(t)
			found := false
			for _, c := range checks {
				switch {
				case c.Part == test.part && c.State == test.state && strings.Contains(c.Message, test.says):
					found = true
				case c.State != doctor.OK:
					t.Errorf("besides: %s %s: %s: %s", c.Part, c.Name, c.State, c.Message)
				}
			}
			if !found || doctor.Healthy(checks) != (test.state != doctor.Problem) {
				t.Errorf("healthy %v: %s", doctor.Healthy(checks), printed(checks))
			}
		})
	}
}

// What the person is not permitted to read is not reported as wrong.
func TestWhatMayNotBeReadIsUnknown(t *testing.T) {
	s := newSound(t)
	s.forbidden, s.may = true, false
	checks := s.examined(t)
	unknown := 0
	for _, c := range checks {
		if c.State == doctor.Unknown {
			unknown++
		}
	}
	if !doctor.Healthy(checks) || unknown < 4 {
		t.Errorf("%d are unknown: %s", unknown, printed(checks))
	}
}

func (s *sound) drop(name string) {
	s.crds = slices.DeleteFunc(s.crds, func(u *unstructured.Unstructured) bool { return u.GetName() == name })
}

func printed(checks []doctor.Check) string {
	var b bytes.Buffer
	for _, c := range checks {
		fmt.Fprintf(&b, "\n%s %s: %s: %s", c.Part, c.Name, c.State, c.Message)
	}
	return b.String()
}

// The table of exporters is that of the engine.
func TestExportersAreThoseOfTheEngine(t *testing.T) {
	var want []doctor.Exporter
	for _, row := range exporters.All() {
		exporter := doctor.Exporter{Name: row.Name(), Injects: row.Injects}
		for _, k := range row.Kinds {
			exporter.Kinds = append(exporter.Kinds, schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Plural})
		}
		want = append(want, exporter)
	}
	if diff := cmp.Diff(want, doctor.Exporters()); diff != "" {
		t.Errorf("(-engine +doctor):\n%s", diff)
	}
}

// The table of formats of reports is that of the engine.
func TestReportFormatsAreThoseOfTheEngine(t *testing.T) {
	var want []doctor.ReportFormat
	for _, f := range status.ReportFormats() {
		want = append(want, doctor.ReportFormat{Name: f.Name, Resource: f.Resource})
	}
	if diff := cmp.Diff(want, doctor.ReportFormats()); diff != "" {
		t.Errorf("(-engine +doctor):\n%s", diff)
	}
}
