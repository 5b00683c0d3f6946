package api

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/attache-dev/attache/policy/source"
	"github.com/attache-dev/attache/test/controlplane"
)

func TestMain(m *testing.M) {
	os.Exit(controlplane.MainOn(m, "standard", controlplane.Options{CRDs: []string{"../../crds"}}))
}

var resources = map[string]schema.GroupVersionResource{
	timeout:           {Group: "attache.dev", Version: "v1alpha1", Resource: "timeoutpolicies"},
	retry:             {Group: "attache.dev", Version: "v1alpha1", Resource: "retrypolicies"},
	rate:              {Group: "attache.dev", Version: "v1alpha1", Resource: "ratelimitpolicies"},
	guardrailKind:     {Group: "attache.dev", Version: "v1alpha1", Resource: "policyguardrails"},
	"EffectivePolicy": {Group: "attache.dev", Version: "v1alpha1", Resource: "effectivepolicies"},
}

func TestServerEveryRuleAcceptsAndRefuses(t *testing.T) {
	plane := controlplane.Shared(t)
	client := dynamic.NewForConfigOrDie(plane.Config)
	namespace := plane.NewNamespace(t)
	for i, m := range corpus() {
		t.Run(m.name, func(t *testing.T) {
			u := m.object(t, namespace, fmt.Sprintf("subject-%d", i))
			stored, err := client.Resource(resources[m.kind]).Namespace(u.GetNamespace()).Create(t.Context(), u, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
			said, strict := verdict(t, err)
			if stored != nil && u.GetNamespace() == "" {
				t.Cleanup(func() {
					_ = client.Resource(resources[m.kind]).Delete(context.Background(), u.GetName(), metav1.DeleteOptions{})
				})
			}
			judge(t, m, said)
			sameOffline(t, u, stored, said, strict)
		})
	}
}

// unknownFields finds the fields in the API server's refusal of unknown ones.
var unknownFields = regexp.MustCompile(`unknown field "([^"]+)"`)

// verdict returns what the API server said, one line for each problem, and
// whether it stopped at unknown fields.
func verdict(t *testing.T, err error) (said []string, strict bool) {
	t.Helper()
	if err == nil {
		return nil, false
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		t.Fatal(err)
	}
	if apierrors.IsBadRequest(err) {
		for _, m := range unknownFields.FindAllStringSubmatch(err.Error(), -1) {
			said = append(said, m[1]+": unknown field")
		}
		if len(said) == 0 {
			t.Fatal(err)
		}
		return said, true
	}
	if !apierrors.IsInvalid(err) {
		t.Fatal(err)
	}
	for _, cause := range status.Status().Details.Causes {
		field := cause.Field + ": "
		if cause.Field == "<nil>" {
			field = ""
		}
		said = append(said, field+cause.Message)
	}
	return said, false
}

// sameOffline holds package policy/validate to what the API server did: to the
// stored object, or to each word of the refusal. At unknown fields the API server
// stops, and offline everything else is said as well.
func sameOffline(t *testing.T, u, stored *unstructured.Unstructured, said []string, strict bool) {
	t.Helper()
	there := offline(t, u)
	if strict {
		for _, line := range said {
			if !slices.ContainsFunc(there, func(s string) bool { return strings.HasPrefix(s, line) }) {
				t.Errorf("offline does not say %q:\n%s", line, strings.Join(there, "\n"))
			}
		}
		return
	}
	slices.Sort(said)
	slices.Sort(there)
	if !slices.Equal(said, there) {
		t.Errorf("the API server says\n%s\noffline says\n%s", strings.Join(said, "\n"), strings.Join(there, "\n"))
	}
	if stored != nil {
		sameObject(t, u, stored)
	}
}

// sameObject compares what is stored with what is made of the object offline.
func sameObject(t *testing.T, u, stored *unstructured.Unstructured) {
	t.Helper()
	registry, err := source.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	prepared, _, _ := registry.Prepare(t.Context(), u)
	if got, want := stored.Object["spec"], prepared.Object["spec"]; !reflect.DeepEqual(got, want) {
		t.Errorf("the API server stored\n%v\noffline it is\n%v", got, want)
	}
}

func TestServerServesTheNamesAndColumnsOfTheContract(t *testing.T) {
	plane := controlplane.Shared(t)
	client := dynamic.NewForConfigOrDie(plane.Config)
	namespace := plane.NewNamespace(t)
	m := manifestsOfTheTask()[1]
	policy := create(t, client, timeout, m.object(t, namespace, "api-timeout"))
	writeStatus(t, client, timeout, policy, map[string]any{
		"summary": map[string]any{"target": "HTTPRoute/api-route", "inEffect": "3/4"}, "paths": int64(4), "pathsInEffect": int64(3),
		"observedGeneration": int64(1), "conditions": []any{condition("Ready", "True")},
		"ancestors": []any{map[string]any{
			"ancestorRef": map[string]any{"name": "public"}, "controllerName": "attache.dev/policy-controller",
			"conditions": []any{condition("Accepted", "True"), condition("Programmed", "False"), condition("Enforced", "Unknown")},
		}},
	})
	effective := create(t, client, "EffectivePolicy", effectivePolicy(namespace))
	writeStatus(t, client, "EffectivePolicy", effective, effectiveStatus())

	for _, c := range []struct {
		names   []string
		columns string
		row     string
	}{
		{[]string{"timeoutpolicies", "timeoutpolicy"}, "NAME TARGET STRATEGY ACCEPTED PROGRAMMED ENFORCED IN EFFECT AGE", "api-timeout HTTPRoute/api-route Patch True False Unknown 3/4"},
		{[]string{"effective-policy", "effective-policies", "epol", "effectivepolicies", "effectivepolicy"}, "NAME TARGET SCOPES TIMEOUT RETRIES RATE CONSTRAINED ENFORCED AGE", "httproute.api-route HTTPRoute/api-route 1 30s 3 mixed override yes"},
	} {
		for _, name := range c.names {
			out, err := plane.Kubectl(t.Context(), "get", name, "-n", namespace).CombinedOutput()
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if err != nil || len(lines) != 2 {
				t.Fatalf("kubectl get %s: %v\n%s", name, err, out)
			}
			if got := strings.Join(strings.Fields(lines[0]), " "); got != c.columns {
				t.Errorf("kubectl get %s: columns are %q, want %q", name, got, c.columns)
			}
			if got := strings.Join(strings.Fields(lines[1]), " "); !strings.HasPrefix(got, c.row) {
				t.Errorf("kubectl get %s: row is %q, want %q", name, got, c.row)
			}
		}
	}
	if out, err := plane.Kubectl(t.Context(), "get", "attache", "-n", namespace, "-o", "name").CombinedOutput(); err != nil || strings.Count(string(out), "\n") != 2 {
		t.Errorf("kubectl get attache: %v\n%s", err, out)
	}
	if out, err := plane.Kubectl(t.Context(), "explain", "effectivepolicy.status.scopes.origins.from").CombinedOutput(); err != nil || !strings.Contains(string(out), "sectionName") {
		t.Errorf("kubectl explain effectivepolicy: %v\n%s", err, out)
	}
}

func TestServerKeepsEverythingInAnEffectivePolicy(t *testing.T) {
	plane := controlplane.Shared(t)
	client := dynamic.NewForConfigOrDie(plane.Config)
	namespace := plane.NewNamespace(t)
	u := effectivePolicy(namespace)
	u.Object["status"] = effectiveStatus()
	stored := create(t, client, "EffectivePolicy", u)
	if _, ok := stored.Object["status"]; ok {
		t.Error("status could be set on creation: it is not a subresource")
	}
	stored = writeStatus(t, client, "EffectivePolicy", stored, effectiveStatus())
	if got, want := fmt.Sprint(stored.Object["status"]), fmt.Sprint(effectiveStatus()); got != want {
		t.Errorf("status came back as\n%s\nwant\n%s", got, want)
	}
}

func create(t *testing.T, client dynamic.Interface, kind string, u *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	stored, err := client.Resource(resources[kind]).Namespace(u.GetNamespace()).Create(context.Background(), u, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func writeStatus(t *testing.T, client dynamic.Interface, kind string, u *unstructured.Unstructured, status map[string]any) *unstructured.Unstructured {
	t.Helper()
	u = u.DeepCopy()
	u.Object["status"] = status
	stored, err := client.Resource(resources[kind]).Namespace(u.GetNamespace()).UpdateStatus(context.Background(), u, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func condition(name, status string) map[string]any {
	return map[string]any{"type": name, "status": status, "reason": "Tested", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
}

func effectivePolicy(namespace string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "attache.dev/v1alpha1", "kind": "EffectivePolicy",
		"metadata":  map[string]any{"name": "httproute.api-route", "namespace": namespace},
		"targetRef": map[string]any{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "api-route"},
	}}
}

// reference is a TimeoutPolicy as results name it.
func reference(namespace, name string) map[string]any {
	return map[string]any{"group": "attache.dev", "kind": "TimeoutPolicy", "namespace": namespace, "name": name}
}

// effectiveStatus has every field, and values of a kind that nobody here knows.
func effectiveStatus() map[string]any {
	return map[string]any{
		"observedGeneration": int64(4),
		"digest":             "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		"summary":            map[string]any{"target": "HTTPRoute/api-route", "scopes": int64(1), "timeout": "30s", "retries": "3", "rate": "mixed", "constrained": "override", "enforced": "yes", "gateways": "infra/public", "setBy": "TimeoutPolicy infra-system/edge-ceiling", "colour": "a word of a stranger's kind"},
		"conditions":         []any{condition("Published", "True")},
		"scopes": []any{map[string]any{
			"parents": []any{map[string]any{"gateway": map[string]any{"namespace": "infra", "name": "public"}, "listenerSet": map[string]any{"namespace": "shop", "name": "more"}, "listener": "https"}},
			"rules":   []any{map[string]any{"index": int64(1), "name": "pay"}, map[string]any{"index": int64(2)}},
			"effective": map[string]any{
				"TimeoutPolicy":            map[string]any{"request": "30s"},
				"ColourPolicy.example.com": map[string]any{"deep": map[string]any{"list": []any{int64(1), "two", map[string]any{"three": true}}}},
			},
			"origins": []any{map[string]any{
				"policy": "TimeoutPolicy", "field": "request", "level": "GatewayClass", "block": "override",
				"from":      reference("infra-system", "edge-ceiling"),
				"target":    map[string]any{"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "edge"},
				"beat":      []any{map[string]any{"level": "Route", "block": "default", "value": "60s", "from": reference("shop", "checkout")}},
				"clampedBy": reference("infra", "public"), "stated": map[string]any{"any": []any{int64(1)}},
			}},
			"notSet": []any{map[string]any{
				"policy": "TimeoutPolicy", "field": "idle", "value": int64(3), "level": "Gateway", "block": "default",
				"from": reference("infra", "public"), "rule": "AtomicDefault", "by": reference("shop", "checkout"),
			}},
			"notSetMore":    int64(2),
			"notApplicable": []any{map[string]any{"policy": "TimeoutPolicy", "field": "idle", "from": reference("infra", "public")}},
			"invalid":       []any{map[string]any{"policy": "TimeoutPolicy", "field": "backend", "message": "backend 10s is longer than request 5s", "from": []any{reference("shop", "checkout")}}},
		}},
	}
}
