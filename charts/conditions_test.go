package charts

import (
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	plugin "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
)

// shapes are objects that lack what others have.
var shapes = map[string]map[string]any{
	"nothing but a name": {"metadata": map[string]any{"name": "a"}},
	"no spec":            {"metadata": map[string]any{"name": "a", "labels": map[string]any{"a": "b"}, "annotations": map[string]any{"a": "b"}}},
	"an empty spec":      {"metadata": map[string]any{"name": "a"}, "spec": map[string]any{}},
	"a spec":             {"metadata": map[string]any{"name": "a"}, "spec": map[string]any{"parentRefs": []any{map[string]any{"name": "b"}}}},
	"our annotations": {"metadata": map[string]any{"name": "a", "annotations": map[string]any{
		"attache.dev/effective-policies": "x", "Attache.dev/Effective-Policies": "y", "attache.dev/injected": "{}",
	}}},
	"being deleted": {"metadata": map[string]any{"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": []any{"a/b"}}, "spec": map[string]any{}},
}

// TestConditionsCanBeEvaluatedOnAnything holds that no condition of ours refuses a write by an
// error, whatever the object lacks: with failurePolicy Fail an error is a refusal without a call.
func TestConditionsCanBeEvaluatedOnAnything(t *testing.T) {
	compiler := plugin.NewConditionCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	everything := map[string]any{"admission": map[string]any{"namespaceLabels": true}}
	hooks, err := WebhooksOf(rendered(t, everything))
	if err != nil {
		t.Fatal(err)
	}
	evaluated := 0
	for _, c := range hooks.Validating {
		for i := range c.Webhooks {
			evaluated += total(t, compiler, webhook.NewValidatingWebhookAccessor("", c.Name, &c.Webhooks[i]), c.Webhooks[i].Rules)
		}
	}
	for _, c := range hooks.Mutating {
		for i := range c.Webhooks {
			evaluated += total(t, compiler, webhook.NewMutatingWebhookAccessor("", c.Name, &c.Webhooks[i]), c.Webhooks[i].Rules)
		}
	}
	if evaluated < 300 {
		t.Errorf("only %d evaluations", evaluated)
	}
}

// total evaluates the conditions of a webhook on all that its rules let in.
func total(t *testing.T, compiler plugin.ConditionCompiler, hook webhook.WebhookAccessor, rules []admissionregistrationv1.RuleWithOperations) (evaluated int) {
	t.Helper()
	matcher := hook.GetCompiledMatcher(compiler)
	operations := map[admissionregistrationv1.OperationType]bool{}
	for _, r := range rules {
		for _, o := range r.Operations {
			operations[o] = true
		}
	}
	for operation := range operations {
		for newName, object := range shapes {
			for oldName, old := range shapes {
				attributes := request(admission.Operation(operation), object, old)
				if result := matcher.Match(t.Context(), attributes, nil, nil); result.Error != nil {
					t.Errorf("%s: %s of %q over %q: %v", hook.GetName(), operation, newName, oldName, result.Error)
				}
				evaluated++
			}
		}
	}
	return evaluated
}

// request is a write as conditions see it: there is no new object in a deletion, and no old one
// in a creation.
func request(operation admission.Operation, object, old map[string]any) *admission.VersionedAttributes {
	kind := schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}
	whole := func(content map[string]any) runtime.Object {
		u := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(content)}
		u.SetGroupVersionKind(kind)
		return u
	}
	var newObject, oldObject runtime.Object
	var options runtime.Object = &metav1.DeleteOptions{}
	if operation != admission.Delete {
		newObject, options = whole(object), &metav1.UpdateOptions{}
	}
	if operation != admission.Create {
		oldObject = whole(old)
	}
	attributes := admission.NewAttributesRecord(newObject, oldObject, kind, "default", "a",
		kind.GroupVersion().WithResource("httproutes"), "", operation, options, false, &user.DefaultInfo{Name: "somebody"})
	return &admission.VersionedAttributes{
		Attributes: attributes, VersionedKind: kind,
		VersionedObject: admission.NewLazyObject(newObject), VersionedOldObject: admission.NewLazyObject(oldObject),
	}
}
