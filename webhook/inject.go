package webhook

import (
	"context"
	"encoding/json"
	"maps"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/status"
)

// injects reports whether admission writes into the rules of an object: values of policies are put
// in, and recorded values are removed again. A record that nobody maintains would hide its author's
// own values from guardrails.
func (h *Handlers) injects(req *request) bool {
	if !injected.Writable(req.Kind.Group, req.Kind.Kind) || beingDeleted(req.object) {
		return false
	}
	return h.options.Injector != nil || recorded(req.object) || recorded(req.old)
}

// recorded reports whether an object has a record, valid or not.
func recorded(u *unstructured.Unstructured) bool {
	if u == nil {
		return false
	}
	_, has := u.GetAnnotations()[injected.Annotation]
	return has
}

// unrecorded returns an object without its record. While an object is being deleted, its
// annotations can be written without a review, so its record is not trusted when its spec changes.
func unrecorded(u *unstructured.Unstructured) *unstructured.Unstructured {
	if !recorded(u) {
		return u
	}
	u = u.DeepCopy()
	annotations := u.GetAnnotations()
	delete(annotations, injected.Annotation)
	u.SetAnnotations(annotations)
	return u
}

// inject computes the rules of a route and their record. The result for the annotation is based on
// the owner's own values (E8.5).
func (h *Handlers) inject(ctx context.Context, s *policy.Snapshot, req *request) (*answer, error) {
	object := req.named(req.object)
	own := status.Own(object, req.old)
	after, _ := s.With(own)
	r, done := h.resolver(after)
	defer done()
	target := r.Resolve(req.ref()).Get(req.ref())
	of := func() result {
		return result{target, func(ctx context.Context, isNew bool) (bool, error) {
			return h.publishable(ctx, after, target, isNew)
		}}
	}
	published := target
	if ok, err := of().publishable(ctx, req.old == nil); err != nil || !ok {
		published = nil
	}
	result := export.Inject(own, nil, nil)
	if h.options.Injector != nil {
		result = h.options.Injector.Inject(after.Graph(), published, own, req.old, req.touches())
	}
	spec, _ := req.object.Object["spec"].(map[string]any)
	_, has := spec["rules"]
	rewrites, final := has && !equalJSON(spec["rules"], result.Rules), req.object
	if rewrites {
		final = withRules(req.object, spec, result.Rules)
	}
	value, wanted := h.annotation(ctx, req, final, of)
	patch := annotationPatch(req.object, value, wanted)
	record := ""
	if len(result.Record.Rules) > 0 {
		record = result.Record.String()
	}
	patch = append(patch, recordPatch(req, patch, record)...)
	if rewrites {
		patch = append(patch, operation{Op: "replace", Path: "/spec/rules", Value: result.Rules})
	}
	return &answer{patch: patch}, nil
}

// touches reports whether the controller sent the request to trigger an admission (E8.6). Anybody can use
// this field manager, and gains nothing: a filter may be named too early.
func (r *request) touches() bool {
	var options struct{ FieldManager string }
	return r.Operation == admissionv1.Update && json.Unmarshal(r.Options.Raw, &options) == nil && options.FieldManager == status.InjectOwner
}

// withRules is an object with other rules; everything else is shared.
func withRules(u *unstructured.Unstructured, spec map[string]any, rules []any) *unstructured.Unstructured {
	object, with := maps.Clone(u.Object), maps.Clone(spec)
	with["rules"] = rules
	object["spec"] = with
	return &unstructured.Unstructured{Object: object}
}

// recordPatch corrects the record of injected values, after another patch of annotations.
func recordPatch(req *request, before []operation, record string) []operation {
	const at = "/metadata/annotations"
	have, present := req.object.GetAnnotations()[injected.Annotation]
	there := len(req.object.GetAnnotations()) > 0
	for _, o := range before {
		if o.Path == at {
			there = o.Op == "add"
			present = present && o.Op != "remove"
		}
	}
	path := at + "/" + escape(injected.Annotation)
	switch {
	case record == "" && present:
		return []operation{{Op: "remove", Path: path}}
	case record == "" || (present && have == record):
		return nil
	case !there:
		return []operation{{Op: "add", Path: at, Value: map[string]any{injected.Annotation: record}}}
	}
	return []operation{{Op: "add", Path: path, Value: record}}
}

func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
