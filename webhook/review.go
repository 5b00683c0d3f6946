package webhook

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/webhook/wire"
)

// request is an admission request with its objects decoded.
type request struct {
	*admissionv1.AdmissionRequest
	object, old *unstructured.Unstructured
	// concerned are the watched Gateways that it concerns, known when it has been decided.
	concerned concerned
	// arrived, read and begun are when it came, was read, and had its turn.
	arrived, read, begun time.Time
}

// malformed is the error of a request that cannot be read, which is the caller's fault.
type malformed struct {
	code    int
	message string
}

func (m *malformed) Error() string { return m.message }

func unreadable(format string, args ...any) error {
	return &malformed{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// drainLimit is how much of a too large body is still read, so that the client gets the answer.
const drainLimit = 16 << 20

// readBody reads the body of a call.
func readBody(r *http.Request) ([]byte, error) {
	if r.Method != http.MethodPost {
		return nil, &malformed{http.StatusMethodNotAllowed, fmt.Sprintf("method %s: an admission review is sent with POST", r.Method)}
	}
	content := r.Header.Get("Content-Type")
	if content != runtime.ContentTypeJSON {
		if media, _, err := mime.ParseMediaType(content); err != nil || media != runtime.ContentTypeJSON {
			return nil, unreadable("content type %q: send the admission review as %s", content, runtime.ContentTypeJSON)
		}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, unreadable("content encoding %q: send the admission review uncompressed", encoding)
	}
	var text bytes.Buffer
	if r.ContentLength > 0 && r.ContentLength <= MaxBody {
		text.Grow(int(r.ContentLength) + bytes.MinRead) // otherwise the buffer would be enlarged to find the end
	}
	_, err := text.ReadFrom(io.LimitReader(r.Body, MaxBody+1))
	body := text.Bytes()
	if err != nil {
		return nil, unreadable("the admission review ends early: %v", err)
	}
	if len(body) > MaxBody {
		_, _ = io.CopyN(io.Discard, r.Body, drainLimit)
		return nil, &malformed{http.StatusRequestEntityTooLarge,
			fmt.Sprintf("the admission review, with the object before and after the write, is larger than %d MiB: make the object smaller or split it", MaxBody>>20)}
	}
	return body, nil
}

// parseReview decodes an AdmissionReview.
func parseReview(body []byte) (*request, error) {
	review, err := decodeReview(body)
	if err != nil {
		return nil, err
	}
	if gvk := review.GroupVersionKind(); gvk != admissionv1.SchemeGroupVersion.WithKind("AdmissionReview") {
		return nil, unreadable("the body is %s of %q: send an AdmissionReview of %q", gvk.Kind, gvk.GroupVersion(), admissionv1.SchemeGroupVersion)
	}
	if review.Request == nil {
		return nil, unreadable("the admission review has no request")
	}
	req := &request{AdmissionRequest: review.Request}
	if req.UID == "" {
		return nil, unreadable("the admission review has no request.uid")
	}
	if req.object, err = objectOf("object", req.Object, review.Object); err != nil {
		return nil, err
	}
	if req.old, err = objectOf("oldObject", req.OldObject, review.OldObject); err != nil {
		return nil, err
	}
	return req, nil
}

// decodeReview decodes a review: in one pass if possible, and otherwise in the general way, which
// does not decode the objects.
func decodeReview(body []byte) (*wire.Review, error) {
	if review, ok := wire.Read(body); ok {
		return review, nil
	}
	review := &wire.Review{}
	if err := json.Unmarshal(body, &review.AdmissionReview); err != nil {
		return nil, unreadable("the request body is not an AdmissionReview: %v", err)
	}
	return review, nil
}

// objectOf is an object of a review, which may be decoded already.
func objectOf(field string, raw runtime.RawExtension, decoded map[string]any) (*unstructured.Unstructured, error) {
	if len(raw.Raw) == 0 || string(raw.Raw) == "null" {
		return nil, nil
	}
	u := &unstructured.Unstructured{Object: decoded}
	if decoded == nil {
		if err := json.Unmarshal(raw.Raw, &u.Object); err != nil {
			return nil, unreadable("request.%s cannot be read: %v", field, err)
		}
	}
	if u.GetKind() == "" {
		return nil, unreadable("request.%s cannot be read: it has no kind", field)
	}
	if _, isObject := u.Object["metadata"].(map[string]any); !isObject {
		return nil, unreadable("request.%s has no metadata", field)
	}
	return u, nil
}

// ref returns the Ref of the object under review. While an object is being created, its name may
// not be generated yet: then its prefix is used, to which nothing else can refer.
func (r *request) ref() hierarchy.Ref {
	name := r.Name
	for _, u := range []*unstructured.Unstructured{r.object, r.old} {
		if name == "" && u != nil {
			name = u.GetName()
		}
	}
	if name == "" && r.object != nil {
		name = r.object.GetGenerateName()
	}
	namespace := r.Namespace
	if r.groupKind() == hierarchy.NamespaceKind {
		namespace = "" // a review of a Namespace has its own name as the namespace
	}
	return hierarchy.NewRef(r.Kind.Group, r.Kind.Kind, namespace, name)
}

func (r *request) groupKind() schema.GroupKind {
	return schema.GroupKind{Group: r.Kind.Group, Kind: r.Kind.Kind}
}

// named returns an object under the name and namespace of the request, as it is to be
// judged.
func (r *request) named(u *unstructured.Unstructured) *unstructured.Unstructured {
	if u != nil && u == r.object && beingDeleted(u) {
		u = unrecorded(u)
	}
	ref := r.ref()
	if u == nil || u.GetName() == ref.Name && u.GetNamespace() == ref.Namespace {
		return u
	}
	u = u.DeepCopy()
	u.SetName(ref.Name)
	u.SetNamespace(ref.Namespace)
	return u
}

// shown returns the author's name for the object: with the kind that they wrote, which conversion
// may have changed.
func (r *request) shown() string {
	ref := r.ref()
	if r.RequestKind != nil && r.RequestKind.Kind != "" {
		ref.Kind = r.RequestKind.Kind
	}
	return ref.String()
}

// answer is the decision of a hook.
type answer struct {
	// denial is the reason of a denial; nil when the write is allowed.
	denial   *metav1.Status
	warnings []string
	patch    []operation
	// audit are annotations for the API server's audit log.
	audit map[string]string
}

// operation is one operation of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// review returns the AdmissionReview with an answer.
func (a *answer) review(uid types.UID) ([]byte, error) {
	response := &admissionv1.AdmissionResponse{
		UID:      uid,
		Allowed:  a.denial == nil,
		Result:   a.denial,
		Warnings: a.warnings,

		AuditAnnotations: a.audit,
	}
	if len(a.patch) > 0 {
		patch, err := written(a.patch)
		if err != nil {
			return nil, err
		}
		response.Patch, response.PatchType = patch, new(admissionv1.PatchTypeJSONPatch)
	}
	return wire.Answer(response)
}

// written is a JSON patch. Most have one operation, which adds a text, or an object with one text.
func written(patch []operation) ([]byte, error) {
	if len(patch) != 1 {
		return json.Marshal(patch)
	}
	text, isText := patch[0].Value.(string)
	object, _ := patch[0].Value.(map[string]any)
	key := ""
	for key = range object {
		text, isText = object[key].(string)
	}
	if !isText || len(object) > 1 || object == nil && text == "" {
		return json.Marshal(patch)
	}
	b := wire.AppendText(append(make([]byte, 0, 128+len(text)+len(text)/4), `[{"op":`...), patch[0].Op)
	b = append(wire.AppendText(append(b, `,"path":`...), patch[0].Path), `,"value":`...)
	if object == nil {
		return append(wire.AppendText(b, text), "}]"...), nil
	}
	b = append(wire.AppendText(append(b, '{'), key), ':')
	return append(wire.AppendText(b, text), "}}]"...), nil
}

// change returns the change of a request's object.
func (r *request) change() review.ObjectChange {
	c := review.ObjectChange{Old: r.named(r.old), New: r.named(r.object)}
	if r.Operation == admissionv1.Delete {
		c.New = nil
	}
	return c
}

// author returns the author of the request.
func (r *request) author() *review.Author {
	return &review.Author{Username: r.UserInfo.Username, Groups: r.UserInfo.Groups}
}

// hierarchyKinds are the kinds besides routes and policies whose edits change
// effective policies.
var hierarchyKinds = []schema.GroupKind{
	hierarchy.GatewayClassKind,
	hierarchy.GatewayKind,
	hierarchy.ListenerSetKind,
	hierarchy.ReferenceGrantKind,
	hierarchy.NamespaceKind,
}

// affectsPolicies reports whether edits of a kind can change effective policies.
func affectsPolicies(s *policy.Snapshot, gk schema.GroupKind) bool {
	_, isPolicy := s.Kind(gk)
	return isPolicy || s.IsRoute(gk) || slices.Contains(hierarchyKinds, gk)
}

// annotated reports whether objects of a kind have the annotation.
func annotated(s *policy.Snapshot, gk schema.GroupKind) bool {
	return s.IsRoute(gk) || gk == hierarchy.GatewayKind
}
