package status

import (
	"reflect"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
)

// Controller is our controllerName in status entries.
const Controller = policy.Group + "/policy-controller"

// Verb says how a Write is carried out.
type Verb string

const (
	// Apply is a server-side apply of the whole object given, under our field
	// owner.
	Apply Verb = "Apply"
	// ApplyStatus is the same on the status subresource.
	ApplyStatus Verb = "ApplyStatus"
	// UpdateStatus replaces the status subresource at the object's
	// resourceVersion: for lists that server-side apply cannot share (R57).
	UpdateStatus Verb = "UpdateStatus"
	// RemoveAnnotation takes our annotation off an object.
	RemoveAnnotation Verb = "RemoveAnnotation"
	// Create makes the object, unless it is there already.
	Create Verb = "Create"
	// Delete removes the object.
	Delete Verb = "Delete"
)

// Write is one thing to write to the API server.
type Write struct {
	Verb Verb
	// Object is what to apply, to update, or to name.
	Object *unstructured.Unstructured
}

// Live is what the API server has now, as far as it concerns us.
type Live interface {
	// Annotations are a route's or Gateway's annotations under keys that are
	// Reserved; ok is false when the object does not exist.
	Annotations(target hierarchy.Ref) (annotations map[string]string, ok bool)
	// EffectivePolicy is the object of that name, nil when there is none.
	EffectivePolicy(namespace, name string) *unstructured.Unstructured
	// Policy is a policy object with its status and resourceVersion, nil when
	// there is none.
	Policy(ref hierarchy.Ref) *unstructured.Unstructured
}

// Planner computes writes. Now is its clock; Version gives the API version to
// write a kind in.
type Planner struct {
	Now     func() time.Time
	Version func(ref hierarchy.Ref) string
	// Instance is the process that reports events.
	Instance string
	// LeaveRoutes leaves routes and Gateways without the annotation.
	LeaveRoutes bool
	// Holds lists where what a policy says is held back; nil when nothing is.
	Holds func(policy hierarchy.Ref) []Hold
}

// Target lists the writes that make what is live for one route or Gateway
// agree with e. A target that is gone (e nil) loses its EffectivePolicy; on a
// cluster garbage collection would do the same.
func (p Planner) Target(target hierarchy.Ref, e *effective.Target, live Live) []Write {
	want, uid := EffectivePolicy(e), ""
	if want != nil {
		want.SetOwnerReferences(ownerOf(p.version(target), target, e))
		uid = e.UID
	}
	value, wanted := AnnotationValue(e)
	return p.publish(target, uid, annotation{value, wanted}, want, live)
}

// Keep lists the writes that make what is live for one route or Gateway agree
// with an EffectivePolicy that was published before; with nothing, when it is
// nil. uid is that of the target.
func (p Planner) Keep(target hierarchy.Ref, uid string, published *unstructured.Unstructured, live Live) []Write {
	value, wanted := PublishedAnnotation(published)
	if published != nil {
		own := named(APIVersion, Kind, published.GetNamespace(), published.GetName())
		own.Object["targetRef"], own.Object["status"] = published.Object["targetRef"], published.Object["status"]
		own.SetOwnerReferences(published.GetOwnerReferences())
		published = own
	}
	return p.publish(target, uid, annotation{value, wanted}, published, live)
}

// annotation is the value of our annotation, and whether there is to be one.
type annotation struct {
	value  string
	wanted bool
}

func (p Planner) publish(target hierarchy.Ref, uid string, a annotation, want *unstructured.Unstructured, live Live) []Write {
	var writes []Write
	if annotations, exists := live.Annotations(target); exists && !p.LeaveRoutes {
		writes = p.annotation(writes, target, uid, a, annotations)
	}
	name := ObjectName(target)
	have := live.EffectivePolicy(target.Namespace, name)
	switch {
	case want == nil && have == nil:
	case want == nil:
		writes = append(writes, Write{Delete, named(APIVersion, Kind, target.Namespace, name)})
	default:
		writes = appendEffective(writes, want, have)
	}
	return writes
}

func (p Planner) annotation(writes []Write, target hierarchy.Ref, uid string, a annotation, annotations map[string]string) []Write {
	value, wanted := a.value, a.wanted
	have, present := annotations[Annotation]
	object := named(p.version(target), target.Kind, target.Namespace, target.Name)
	switch {
	case wanted && (!present || have != value):
		object.SetAnnotations(map[string]string{Annotation: value})
		// With a UID, the apply fails when the object has gone in the meantime. It
		// would make a new one otherwise.
		object.SetUID(types.UID(uid))
		return append(writes, Write{Apply, object})
	case !wanted && present:
		return append(writes, Write{RemoveAnnotation, object})
	}
	return writes
}

// appendEffective writes the two halves of an EffectivePolicy that differ. The
// status subresource is applied by itself, as the API server asks.
func appendEffective(writes []Write, want, have *unstructured.Unstructured) []Write {
	main := want.DeepCopy()
	delete(main.Object, "status")
	if have == nil || !reflect.DeepEqual(main.Object["targetRef"], have.Object["targetRef"]) ||
		!reflect.DeepEqual(main.GetOwnerReferences(), have.GetOwnerReferences()) {
		writes = append(writes, Write{Apply, main})
	}
	if have == nil || !Claimed(have) || !reflect.DeepEqual(want.Object["status"], have.Object["status"]) {
		half := named(APIVersion, Kind, want.GetNamespace(), want.GetName())
		half.Object["targetRef"] = want.Object["targetRef"]
		half.Object["status"] = want.Object["status"]
		writes = append(writes, Write{ApplyStatus, half})
	}
	return writes
}

func (p Planner) version(ref hierarchy.Ref) string {
	if p.Version != nil {
		if v := p.Version(ref); v != "" {
			return ref.GroupKind.Group + "/" + v
		}
	}
	return ref.GroupKind.Group + "/v1"
}

func named(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	metadata := map[string]any{"name": name}
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": metadata}}
}
