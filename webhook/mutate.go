package webhook

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/review"
)

// mutate computes the annotation of a route or a Gateway, as if the object under review were stored
// already.
func (h *Handlers) mutate(ctx context.Context, s *policy.Snapshot, req *request) (*answer, error) {
	gk := req.groupKind()
	writes := req.Operation == admissionv1.Create || req.Operation == admissionv1.Update
	if !writes || req.SubResource != "" || req.object == nil || !annotated(s, gk) {
		return &answer{}, nil
	}
	if h.injects(req) {
		return h.inject(ctx, s, req)
	}
	value, wanted := h.annotation(ctx, req, req.object, h.resultOf(s, req, nil))
	return &answer{patch: annotationPatch(req.object, value, wanted)}, nil
}

// result is the effective policy of the object under review once it is stored.
type result struct {
	target *effective.Target
	// publishable asks the guardrails whether the result can be published.
	publishable func(ctx context.Context, isNew bool) (bool, error)
}

// resultOf takes the result from the verdict on the write, if there is one.
func (h *Handlers) resultOf(s *policy.Snapshot, req *request, found *review.Verdict) func() result {
	return func() result {
		if found != nil {
			return result{found.Target(req.ref()), func(ctx context.Context, isNew bool) (bool, error) {
				return found.Publishable(ctx, req.ref(), isNew)
			}}
		}
		after, _ := s.With(req.named(req.object))
		r, done := h.resolver(after)
		defer done()
		e := r.Resolve(req.ref()).Get(req.ref())
		return result{e, func(ctx context.Context, isNew bool) (bool, error) {
			return h.publishable(ctx, after, e, isNew)
		}}
	}
}

// publishable asks the guardrails whether the result of a target can be published.
func (h *Handlers) publishable(ctx context.Context, s *policy.Snapshot, e *effective.Target, isNew bool) (bool, error) {
	memory, done := h.memory()
	defer done()
	return evaluate.Publishable(ctx, s, e, isNew, h.guardrails(), h.enforced(), memory)
}

// annotation returns the annotation that the object under review must have: its result, unless a
// guardrail with Deny objects to it, could object if it knew what is published, or cannot be
// evaluated in time. Then the annotation stays as it was, which for a new object means that its
// result is withheld: only the controller knows what is published now, and decides.
//
// final returns the object under review as it will be stored.
func (h *Handlers) annotation(ctx context.Context, req *request, final *unstructured.Unstructured, of func() result) (value string, wanted bool) {
	if h.options.LeaveRoutes {
		return "", false
	}
	ctx, written := h.stage(ctx, "annotation")
	defer written()
	r := of()
	ok, err := r.publishable(ctx, req.old == nil)
	switch {
	case err == nil && ok:
		value, wanted = publish.AnnotationValue(r.target.At(req.generation(final)))
		if req.nameless() && publish.Refers(value) {
			return "", false // of an object without a name yet; the controller will see it in a moment
		}
		return value, wanted
	case req.old != nil:
		value, wanted = req.old.GetAnnotations()[publish.Annotation]
		return value, wanted
	case err != nil:
		return publish.WithheldAnnotation(req.generation(final), publish.WithheldUndecided), true
	}
	return publish.WithheldAnnotation(req.generation(final), publish.WithheldViolation), true
}

// generation returns the future metadata.generation of the object, given the object that will be
// stored. The object under review has the value that its author sent: the API server increments it
// after mutation, if anything other than metadata and status differs.
func (r *request) generation(final *unstructured.Unstructured) int64 {
	if r.old == nil {
		return 1
	}
	was := r.old.GetGeneration()
	if was == 0 {
		return 0 // an API server always knows it
	}
	apart := func(u *unstructured.Unstructured) map[string]any {
		rest := maps.Clone(u.Object)
		delete(rest, "metadata")
		delete(rest, "status")
		return rest
	}
	if reflect.DeepEqual(apart(r.old), apart(final)) {
		return was
	}
	return was + 1
}

// annotationPatch returns the patch that corrects the reserved annotations of an object: the
// annotation itself, and no others that look like it. It is empty when they are correct.
func annotationPatch(u *unstructured.Unstructured, value string, wanted bool) []operation {
	const at = "/metadata/annotations"
	metadata, _ := u.Object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	var patch []operation
	removed := 0
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if publish.Reserved(key) && !(wanted && key == publish.Annotation) {
			patch = append(patch, operation{Op: "remove", Path: at + "/" + escape(key)})
			removed++
		}
	}
	switch have, present := annotations[publish.Annotation]; {
	case !wanted:
		if removed > 0 && removed == len(annotations) {
			return []operation{{Op: "remove", Path: at}}
		}
	case annotations == nil:
		patch = append(patch, operation{Op: "add", Path: at, Value: map[string]any{publish.Annotation: value}})
	case !present || have != value:
		patch = append(patch, operation{Op: "add", Path: at + "/" + escape(publish.Annotation), Value: value})
	}
	return patch
}

// escape writes a key as a part of a JSON pointer (RFC 6901).
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// nameless reports whether the API server still has to generate the object's name, which it does
// after mutation.
func (r *request) nameless() bool {
	return r.Name == "" && r.object != nil && r.object.GetName() == ""
}
