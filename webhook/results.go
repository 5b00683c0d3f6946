package webhook

import (
	"reflect"
	"slices"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// foreignEffectivePolicy refuses changes of an EffectivePolicy or its status by anybody except the
// controller. After a restart the controller trusts what it finds there, so nobody is exempt except
// garbage collection. The chart's ValidatingAdmissionPolicy has the same rule, and applies while no
// replica answers.
func (h *Handlers) foreignEffectivePolicy(req *request, v *verdict) {
	allowed := h.options.Controllers
	switch {
	case len(allowed) == 0, slices.Contains(allowed, req.UserInfo.Username), slices.Contains(cleaners, req.UserInfo.Username):
	case req.Operation == admissionv1.Update && saysTheSame(req.old, req.object):
	default:
		v.forbid("", "%s is the result that attache computes, so only attache writes it: change a policy instead; \"kubectl effective-policy explain\" says which one", publish.Kind)
	}
}

// saysTheSame reports whether two versions of an EffectivePolicy are equal in everything that
// anybody reads, and in the controller's ownership. A storage migration writes such versions.
func saysTheSame(old, object *unstructured.Unstructured) bool {
	if old == nil || object == nil {
		return false
	}
	for _, field := range []string{"status", "targetRef"} {
		if !reflect.DeepEqual(old.Object[field], object.Object[field]) {
			return false
		}
	}
	for _, field := range []string{"labels", "annotations", "ownerReferences", "finalizers"} {
		was, _, _ := unstructured.NestedFieldNoCopy(old.Object, "metadata", field)
		is, _, _ := unstructured.NestedFieldNoCopy(object.Object, "metadata", field)
		if !reflect.DeepEqual(was, is) {
			return false
		}
	}
	return keepsClaim(old, object)
}

// keepsClaim reports whether the controller's field manager still owns the same fields: everybody
// may clear managedFields.
func keepsClaim(old, object *unstructured.Unstructured) bool {
	now := object.GetManagedFields()
	for _, was := range old.GetManagedFields() {
		if was.Manager != status.FieldOwner {
			continue
		}
		if !slices.ContainsFunc(now, func(m metav1.ManagedFieldsEntry) bool {
			return m.Manager == was.Manager && m.Operation == was.Operation && m.Subresource == was.Subresource
		}) {
			return false
		}
	}
	return true
}
