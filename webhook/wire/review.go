package wire

import (
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/attache-dev/attache/policy/source/kubejson"
)

// reader reads a review.
type reader struct{ kubejson.Reader }

// Review is an AdmissionReview with its objects, as the general decoder would read them.
type Review struct {
	admissionv1.AdmissionReview
	// Object and OldObject are the objects of the request, nil where they are null or missing.
	Object, OldObject map[string]any
}

// Read reads an AdmissionReview. It returns false where the general decoder has to do that. The raw
// objects in the review are parts of the text.
func Read(text []byte) (*Review, bool) {
	r, review := reader{kubejson.Of(text)}, &Review{}
	ok := r.Members(func(key string) bool {
		switch key {
		case "kind":
			return r.into(&review.Kind)
		case "apiVersion":
			return r.into(&review.APIVersion)
		case "request":
			if review.Request == nil {
				review.Request = &admissionv1.AdmissionRequest{}
			}
			return r.request(review)
		case "response":
			return false
		}
		return r.Skip()
	})
	return review, ok && r.Done()
}

// request reads the request of a review.
func (r *reader) request(review *Review) bool {
	q := review.Request
	return r.Members(func(key string) bool {
		switch key {
		case "uid":
			return into(r, &q.UID)
		case "kind":
			return r.kind(&q.Kind)
		case "resource":
			return r.resource(&q.Resource)
		case "subResource":
			return r.into(&q.SubResource)
		case "requestKind":
			if q.RequestKind == nil {
				q.RequestKind = &metav1.GroupVersionKind{}
			}
			return r.kind(q.RequestKind)
		case "requestResource":
			if q.RequestResource == nil {
				q.RequestResource = &metav1.GroupVersionResource{}
			}
			return r.resource(q.RequestResource)
		case "requestSubResource":
			return r.into(&q.RequestSubResource)
		case "name":
			return r.into(&q.Name)
		case "namespace":
			return r.into(&q.Namespace)
		case "operation":
			return into(r, &q.Operation)
		case "userInfo":
			return r.user(&q.UserInfo)
		case "object":
			return r.raw(&q.Object, &review.Object)
		case "oldObject":
			return r.raw(&q.OldObject, &review.OldObject)
		case "options":
			return r.raw(&q.Options, new(map[string]any))
		case "dryRun":
			dry := r.Next() == 't'
			q.DryRun = &dry
			return dry && r.Word("true") || r.Word("false")
		}
		return r.Skip()
	})
}

// into reads a text.
func (r *reader) into(text *string) bool { return into(r, text) }

func into[T ~string](r *reader, text *T) bool {
	if r.Next() != '"' {
		return false
	}
	value, ok := r.String()
	*text = T(value)
	return ok
}

func (r *reader) kind(of *metav1.GroupVersionKind) bool {
	return r.Members(func(key string) bool {
		switch key {
		case "group":
			return r.into(&of.Group)
		case "version":
			return r.into(&of.Version)
		case "kind":
			return r.into(&of.Kind)
		}
		return r.Skip()
	})
}

func (r *reader) resource(of *metav1.GroupVersionResource) bool {
	return r.Members(func(key string) bool {
		switch key {
		case "group":
			return r.into(&of.Group)
		case "version":
			return r.into(&of.Version)
		case "resource":
			return r.into(&of.Resource)
		}
		return r.Skip()
	})
}

// user reads the user who makes the request.
func (r *reader) user(u *authenticationv1.UserInfo) bool {
	return r.Members(func(key string) bool {
		switch key {
		case "username":
			return r.into(&u.Username)
		case "uid":
			return r.into(&u.UID)
		case "groups":
			return texts(r, &u.Groups)
		case "extra":
			if u.Extra != nil {
				return false // two of them would be one
			}
			u.Extra = map[string]authenticationv1.ExtraValue{}
			return r.Members(func(key string) bool {
				var values authenticationv1.ExtraValue
				ok := texts(r, &values)
				u.Extra[key] = values
				return ok
			})
		}
		return r.Skip()
	})
}

func texts[T ~[]string](r *reader, list *T) bool {
	*list = T{}
	return r.Each(func() bool {
		var text string
		ok := r.into(&text)
		*list = append(*list, text)
		return ok
	})
}

// raw reads an object, and keeps its text.
func (r *reader) raw(raw *runtime.RawExtension, object *map[string]any) (ok bool) {
	if r.Next() == 'n' {
		return raw.Raw == nil && r.Word("null")
	}
	begin := r.At()
	*object, ok = r.Object()
	raw.Raw = r.Since(begin)
	return ok
}
