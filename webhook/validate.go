package webhook

import (
	"context"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/status"
)

// cleaners are those who delete what belongs to something that is gone. Holding
// them up would keep namespaces from ever going away. The last one is a
// controller manager that does not give its controllers accounts of their own.
var cleaners = []string{
	"system:serviceaccount:kube-system:namespace-controller",
	"system:serviceaccount:kube-system:generic-garbage-collector",
	"system:kube-controller-manager",
}

// check looks at an edit for one kind of thing and adds what it finds to the
// verdict. An error means that it could not tell.
type check func(ctx context.Context, e *edit, v *verdict) error

// checks are all of them, in the order in which people read their findings.
func (h *Handlers) checks() []check {
	return []check{
		attachment,
		h.mergedResult,
	}
}

// validate decides whether a write may be.
func (h *Handlers) validate(ctx context.Context, s *policy.Snapshot, req *request) (*answer, error) {
	v := &verdict{}
	if req.SubResource != "" || req.Operation == admissionv1.Connect || h.exempt(req) {
		return v.answer(req), nil
	}
	gk := schema.GroupKind{Group: req.Kind.Group, Kind: req.Kind.Kind}
	if gk == (schema.GroupKind{Group: policy.Group, Kind: status.Kind}) {
		h.written(req, v)
		return v.answer(req), nil
	}
	if !matters(s, gk) {
		if gk.Group == policy.Group {
			return nil, &undecided{reasonUnknownKind, fmt.Sprintf("attache has not seen the CustomResourceDefinition of %s yet", gk)}
		}
		return v.answer(req), nil
	}
	e := newEdit(s, req)
	if e.changes() {
		for _, c := range h.checks() {
			if err := c(ctx, e, v); err != nil {
				return nil, err
			}
		}
	}
	h.spoofed(s, req, v)
	return v.answer(req), nil
}

// exempt says whether a request is never held up: whatever goes away must be
// able to.
func (h *Handlers) exempt(req *request) bool {
	if slices.Contains(cleaners, req.UserInfo.Username) {
		return true
	}
	if going(req.old) || going(req.object) {
		return true
	}
	return req.Namespace != "" && h.options.Terminating != nil && h.options.Terminating(req.Namespace)
}

func going(u *unstructured.Unstructured) bool { return u != nil && u.GetDeletionTimestamp() != nil }

// written refuses EffectivePolicy objects that somebody else writes than the
// controller.
func (h *Handlers) written(req *request, v *verdict) {
	allowed := h.options.Controllers
	if len(allowed) == 0 || slices.Contains(allowed, req.UserInfo.Username) {
		return
	}
	v.forbid("", "%s is the result that attache computes, so only attache writes it: change a policy instead; \"kubectl effective-policy explain\" says which one", status.Kind)
}

// spoofed warns of an annotation that this very write changed to something that
// is not what is in force. See the package comment for why it does not deny.
func (h *Handlers) spoofed(s *policy.Snapshot, req *request, v *verdict) {
	gk := schema.GroupKind{Group: req.Kind.Group, Kind: req.Kind.Kind}
	if req.object == nil || req.Operation == admissionv1.Delete || !annotated(s, gk) {
		return
	}
	have, present := req.object.GetAnnotations()[status.Annotation]
	if req.old != nil {
		was, before := req.old.GetAnnotations()[status.Annotation]
		if was == have && before == present {
			return
		}
	}
	want, wanted := "", false
	if !h.options.LeaveRoutes {
		want, wanted = annotationOf(s, req)
	}
	if present != wanted || have != want {
		v.warn("annotation %s of %s does not say what is in force; attache will put it right", status.Annotation, req.shown())
	}
	for key := range req.object.GetAnnotations() {
		if key != status.Annotation && status.Reserved(key) {
			v.warn("annotation %s looks like attache's own and means nothing: remove it", strings.ToValidUTF8(key, "?"))
		}
	}
}
