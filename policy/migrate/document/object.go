package document

import (
	"cmp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Object is one object of the input and where it stands.
type Object struct {
	*unstructured.Unstructured
	File     string
	Document int
	// Line finds the line of a field; nil when the object is not from a file.
	Line func(field string) int
}

// LineOf is the line of a field, 0 when it is unknown.
func (o *Object) LineOf(field string) int {
	if o.Line == nil {
		return 0
	}
	return o.Line(field)
}

// InputError says why the input cannot be converted.
type InputError struct {
	Message string
	// None says that there is no Ingress, or none of the controller that was named.
	None bool
}

// Error is the message.
func (e *InputError) Error() string { return e.Message }

// PlaceOf is the namespace and the name of an object.
func PlaceOf(o *Object) string { return cmp.Or(o.GetNamespace(), "default") + "/" + o.GetName() }

// Find returns an object of the input, nil when it is not there.
func Find(objects []Object, kind, namespace, name string) *Object {
	for i := range objects {
		if u := &objects[i]; u.GetKind() == kind && u.GetName() == name && (namespace == "" || u.GetNamespace() == namespace || u.GetNamespace() == "" && namespace == "default") {
			return u
		}
	}
	return nil
}
