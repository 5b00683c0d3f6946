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

// TestThoseWhoCleanUpDoNotWaitForUs checks that deletions by the namespace controller and the
// garbage collector are not sent to any webhook that fails closed: a namespace would hang while no
// replica answers. Those of anybody else are.
func TestThoseWhoCleanUpDoNotWaitForUs(t *testing.T) {
	compiler := plugin.NewConditionCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	hooks, err := WebhooksOf(rendered(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	users := map[string]bool{
		"system:serviceaccount:kube-system:namespace-controller":      false,
		"system:serviceaccount:kube-system:generic-garbage-collector": false,
		"system:kube-controller-manager":                              false,
		"system:serviceaccount:shop:namespace-controller":             true,
		"system:serviceaccount:kube-system:namespace-controller2":     true,
		"alice": true,
	}
	closed := 0
	for _, c := range hooks.Validating {
		for i := range c.Webhooks {
			h := &c.Webhooks[i]
			if *h.FailurePolicy != admissionregistrationv1.Fail {
				continue
			}
			closed++
			matcher := webhook.NewValidatingWebhookAccessor("", c.Name, h).GetCompiledMatcher(compiler)
			for name, asked := range users {
				for shape, old := range shapes {
					result := matcher.Match(t.Context(), deletion(name, old), nil, nil)
					if result.Error != nil || result.Matches != asked {
						t.Errorf("%s: the deletion of %q by %s is sent: %t, %v", h.Name, shape, name, result.Matches, result.Error)
					}
				}
			}
		}
	}
	if closed < 3 {
		t.Errorf("only %d webhooks fail closed", closed)
	}
}

// deletion is one as conditions see it.
func deletion(by string, old map[string]any) *admission.VersionedAttributes {
	kind := schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"}
	u := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(old)}
	u.SetGroupVersionKind(kind)
	return &admission.VersionedAttributes{
		Attributes: admission.NewAttributesRecord(nil, u, kind, "default", "a", kind.GroupVersion().WithResource("httproutes"), "",
			admission.Delete, &metav1.DeleteOptions{}, false, &user.DefaultInfo{Name: by}),
		VersionedKind: kind, VersionedObject: admission.NewLazyObject(nil), VersionedOldObject: admission.NewLazyObject(u),
	}
}
