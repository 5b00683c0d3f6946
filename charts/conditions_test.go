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
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
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

// TestConditionsCanBeEvaluatedOnAnything checks that none of our conditions refuses a write by an
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

// TestConditionsOfPoliciesCanBeEvaluatedOnAnything does the same for the policies that the API
// server evaluates itself: an error there would keep people from writing their own objects.
func TestConditionsOfPoliciesCanBeEvaluatedOnAnything(t *testing.T) {
	compiler := plugin.NewConditionCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	policies := kinds(rendered(t, map[string]any{"export": map[string]any{"exporters": []any{"envoy-gateway", "traefik"}}}), "ValidatingAdmissionPolicy")
	if len(policies) < 2 {
		t.Fatalf("%d policies", len(policies))
	}
	for _, u := range policies {
		var p admissionregistrationv1.ValidatingAdmissionPolicy
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &p); err != nil {
			t.Fatal(err)
		}
		var conditions []plugin.ExpressionAccessor
		for _, c := range p.Spec.MatchConditions {
			conditions = append(conditions, &matchconditions.MatchCondition{Name: c.Name, Expression: c.Expression})
		}
		matcher := matchconditions.NewMatcher(compiler.CompileCondition(conditions, plugin.OptionalVariableDeclarations{HasAuthorizer: true}, environment.StoredExpressions),
			p.Spec.FailurePolicy, "policy", "validate", p.Name)
		var rules []admissionregistrationv1.RuleWithOperations
		for _, r := range p.Spec.MatchConstraints.ResourceRules {
			rules = append(rules, r.RuleWithOperations)
		}
		if len(conditions) == 0 || everywhere(t, p.Name, matcher, rules) < 50 {
			t.Errorf("%s: %d conditions, hardly evaluated", p.Name, len(conditions))
		}
	}
}

// total evaluates the conditions of a webhook on all that its rules let in.
func total(t *testing.T, compiler plugin.ConditionCompiler, hook webhook.WebhookAccessor, rules []admissionregistrationv1.RuleWithOperations) (evaluated int) {
	t.Helper()
	return everywhere(t, hook.GetName(), hook.GetCompiledMatcher(compiler), rules)
}

// everywhere evaluates conditions on all shapes that rules let in.
func everywhere(t *testing.T, name string, matcher matchconditions.Matcher, rules []admissionregistrationv1.RuleWithOperations) (evaluated int) {
	t.Helper()
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
					t.Errorf("%s: %s of %q over %q: %v", name, operation, newName, oldName, result.Error)
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
