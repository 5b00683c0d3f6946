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

// foreignEffectivePolicy refuses that somebody else than the controller changes what an
// EffectivePolicy says, in the object or in its status. The controller believes
// after a restart what it finds there, so nobody is exempt but those who delete
// what belongs to something gone. The chart's ValidatingAdmissionPolicy says the
// same, and holds while no replica answers.
func (h *Handlers) foreignEffectivePolicy(req *request, v *verdict) {
	allowed := h.options.Controllers
	switch {
	case len(allowed) == 0, slices.Contains(allowed, req.UserInfo.Username), slices.Contains(cleaners, req.UserInfo.Username):
	case req.Operation == admissionv1.Update && saysTheSame(req.old, req.object):
	default:
		v.forbid("", "%s is the result that attache computes, so only attache writes it: change a policy instead; \"kubectl effective-policy explain\" says which one", publish.Kind)
	}
}

// saysTheSame says whether two versions of an EffectivePolicy agree in all that
// anybody reads, and in the controller's claim to it. A storage migration writes
// such versions.
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

// keepsClaim says whether the controller's field manager still owns what it
// owned: anybody may empty managedFields.
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
