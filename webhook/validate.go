package webhook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/review"
)

// cleaners are the users of garbage collection. Blocking them would prevent the deletion of
// namespaces. The last one is a controller manager whose controllers do not have their own
// accounts.
var cleaners = []string{
	"system:serviceaccount:kube-system:namespace-controller",
	"system:serviceaccount:kube-system:generic-garbage-collector",
	"system:kube-controller-manager",
}

// validate decides whether to admit a write.
func (h *Handlers) validate(ctx context.Context, s *policy.Snapshot, req *request) (*answer, error) {
	v := &verdict{}
	if req.groupKind() == publish.EffectivePolicyKind {
		h.foreignEffectivePolicy(req, v)
		return v.answer(req), nil
	}
	if req.SubResource != "" || req.Operation == admissionv1.Connect || h.exempt(req) {
		return v.answer(req), nil
	}
	var err error
	switch gk := req.groupKind(); {
	case gk == guardrail.Kind:
		err = h.guardrail(ctx, s, req, v)
	case affectsPolicies(s, gk):
		memory, done := h.memory()
		defer done()
		wide, back := h.wide.lend(s)
		defer back()
		var found *review.Verdict
		if found, err = h.review(ctx, s, req, review.Edit{Memory: memory, Wide: wide}, v); err == nil && len(v.objections) == 0 {
			h.spoofed(ctx, s, req, found, v)
			h.unenforced(s, req, found, h.reader(ctx, s, req), v)
		}
	case h.foreign(req) != nil:
		h.unenforced(s, req, nil, h.reader(ctx, s, req), v)
	case gk.Group == policy.Group:
		err = &undecided{reasonUnknownKind, fmt.Sprintf("attache has not seen the CustomResourceDefinition of %s yet", gk)}
	}
	if err != nil {
		return nil, err
	}
	return v.answer(req), nil
}

// review reviews the write. The messages come from package review, so that the command has the same
// ones. The verdict is nil when the write is refused, or changes nothing that the engine reads. The edit
// has what earlier reviews left behind.
func (h *Handlers) review(ctx context.Context, s *policy.Snapshot, req *request, edit review.Edit, v *verdict) (*review.Verdict, error) {
	change := req.change()
	if h.swollen(s, req, v) || !change.Relevant() && !change.Crowds() {
		return nil, nil
	}
	guardrails := h.guardrails()
	platform := ofPlatform(s, req.ref().Namespace)
	yields := platform && judgedBeforePublication(guardrails)
	reviewing, stop := ctx, context.CancelFunc(func() {})
	if yields {
		reviewing, stop = part(ctx)
	}
	defer stop()
	r, done := h.resolver(s)
	defer done()
	reviewing, reviewed := h.stage(reviewing, "review")
	edit.Changes, edit.Author = []review.ObjectChange{change}, req.author()
	edit.MayRead, edit.MayReadGrants = h.reader(ctx, s, req), h.grantReader(ctx, req)
	edit.MaxPaths, edit.MaxResults, edit.Platform, edit.Enforced = h.options.MaxPaths, h.options.MaxResults, platform, h.enforced()
	found, err := review.On(reviewing, r, edit, guardrails)
	reviewed(attribute.Int("attache.guardrails", len(guardrails)), attribute.Int("attache.routes", found.Impact.Routes), attribute.Int("attache.gateways", found.Impact.Gateways), attribute.Int("attache.violations", len(found.Violations)))
	var unfinished *evaluate.Unfinished
	switch {
	case err == nil:
	case yields && ctx.Err() == nil && reviewing.Err() != nil && errors.As(err, &unfinished):
		v.warnings = append(v.warnings, fmt.Sprintf("attache could not work out in time what this changes (%s): the controller asks the guardrails before it publishes", unfinished))
		after := time.Since(req.begun).Round(time.Millisecond)
		v.audit = h.audit(guardrails, review.Verdict{}, fmt.Sprintf("%s, after %s", unfinished, after))
		return nil, nil
	default:
		return nil, err
	}
	v.audit = h.audit(guardrails, found, found.Unjudged())
	h.metrics.affected.Observe(float64(found.Impact.Routes + found.Impact.Gateways))
	v.warnings = found.Lines()
	if found.Denied() {
		v.objections, v.message = found.Objections(), found.Denial(req.shown())
		return nil, nil
	}
	return &found, nil
}

// maxObject is the maximum size of an object with our annotation: the limit of etcd is 1.5 MiB, and
// the annotation has to be updated whenever a policy above changes.
const maxObject = 3<<19 - 64<<10

// swollen refuses to let an object grow beyond that.
func (h *Handlers) swollen(s *policy.Snapshot, req *request, v *verdict) bool {
	size := len(req.Object.Raw)
	if size <= maxObject || size <= len(req.OldObject.Raw) || !annotated(s, req.groupKind()) {
		return false
	}
	v.forbid("", "an object of %d bytes leaves no room for annotation %s: at most %d, with its status and metadata.managedFields; split it", size, publish.Annotation, maxObject)
	return true
}

// part is the part of the time for a review of the platform's edit. Tenants must not be able to
// block the platform by having many objects: what is not computed by then is admitted, and judged
// before it is published. A quarter of the chart's two seconds leaves enough of one second for the
// API server's own work on such an edit.
func part(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/4)
}

// judgedBeforePublication reports whether the publication gate evaluates every rule that can refuse
// an edit. It does not know the author and the edit.
func judgedBeforePublication(guardrails []*guardrail.Guardrail) bool {
	return !slices.ContainsFunc(evaluate.Denying(guardrails), func(g *guardrail.Guardrail) bool {
		return slices.ContainsFunc(g.Rules, func(r guardrail.Rule) bool { return r.Uses()&guardrail.AdmissionOnly != 0 })
	})
}

// ofPlatform reports whether an author who writes in a namespace, or a cluster-scoped object,
// belongs to the platform.
func ofPlatform(s *policy.Snapshot, namespace string) bool {
	platform := s.Options().PlatformNamespaces
	return namespace == "" || platform == nil || slices.Contains(platform, namespace)
}

// guardrails returns the current guardrails, with the exceptions that are in force.
func (h *Handlers) guardrails() []*guardrail.Guardrail {
	return guardrail.At(h.options.Guardrails(), h.options.Now())
}

// reader returns which namespaces the author of a write is told about: its own, the platform's, and
// those that the author may read. Without access reviews, authors of the platform are told
// everything.
func (h *Handlers) reader(ctx context.Context, s *policy.Snapshot, req *request) policy.Reader {
	own := req.ref().Namespace
	if h.options.MayRead == nil {
		if own == "" {
			return nil
		}
		return s.ReaderIn(own)
	}
	may, platform := h.options.MayRead(ctx, req.UserInfo), s.Options().PlatformNamespaces
	return func(namespace string) bool {
		return namespace == own || slices.Contains(platform, namespace) || may(namespace)
	}
}

// grantReader returns in which namespaces the author of a write may read ReferenceGrants. Platform
// namespaces are no exception here: a grant there names the namespaces of other tenants.
func (h *Handlers) grantReader(ctx context.Context, req *request) func(namespace string) bool {
	if h.options.MayReadGrants == nil {
		return nil
	}
	return h.options.MayReadGrants(ctx, req.UserInfo)
}

// exempt reports whether a request is never blocked: deletions must always be possible. An object
// that is being deleted is still in force as long as it has finalizers, so its spec is reviewed
// like any other.
func (h *Handlers) exempt(req *request) bool {
	if slices.Contains(cleaners, req.UserInfo.Username) {
		return true
	}
	going := beingDeleted(req.old) || beingDeleted(req.object) ||
		req.Namespace != "" && h.options.Terminating != nil && h.options.Terminating(req.Namespace)
	return going && (req.Operation != admissionv1.Update || !req.change().SpecChanges()) && req.Operation != admissionv1.Create
}

func beingDeleted(u *unstructured.Unstructured) bool {
	if u == nil {
		return false
	}
	metadata, _ := u.Object["metadata"].(map[string]any)
	_, said := metadata["deletionTimestamp"]
	return said && u.GetDeletionTimestamp() != nil
}

// spoofed warns of an annotation that this write changed to something that is not in force. See the
// package comment for why it does not deny. The result of the write is in the verdict, if there is
// one.
func (h *Handlers) spoofed(ctx context.Context, s *policy.Snapshot, req *request, found *review.Verdict, v *verdict) {
	gk := req.groupKind()
	if req.object == nil || req.Operation == admissionv1.Delete || !annotated(s, gk) {
		return
	}
	have, present := req.object.GetAnnotations()[publish.Annotation]
	if req.old != nil {
		was, before := req.old.GetAnnotations()[publish.Annotation]
		if was == have && before == present {
			return
		}
	}
	want, wanted := h.annotation(ctx, req, req.object, h.resultOf(s, req, found))
	if present != wanted || have != want {
		v.warn("annotation %s of %s does not say what is in force; attache will put it right", publish.Annotation, req.shown())
	}
	for _, key := range slices.Sorted(maps.Keys(req.object.GetAnnotations())) {
		if key != publish.Annotation && publish.Reserved(key) {
			v.warn("annotation %s looks like attache's own and means nothing: remove it", strings.ToValidUTF8(key, "?"))
		}
	}
}

// guardrail checks a written PolicyGuardrail: it has to compile, and its examples must have the
// expected results. Problems that it had before are only warnings.
func (h *Handlers) guardrail(ctx context.Context, _ *policy.Snapshot, req *request, v *verdict) error {
	if req.Operation == admissionv1.Delete || req.object == nil || !req.change().SpecChanges() {
		return nil
	}
	_, problems, err := guardrail.Examine(ctx, req.old, req.object, h.options.Compilers)
	if err != nil {
		return fmt.Errorf("running the examples of guardrail %s: %w", req.object.GetName(), err)
	}
	for _, p := range problems {
		if p.Warning {
			v.warn("%s", p)
			continue
		}
		v.objections = append(v.objections, review.Objection{Field: p.Field, Message: p.Text()})
	}
	return nil
}
