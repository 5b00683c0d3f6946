package status

import (
	"reflect"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/publish"
)

// ControllerName is our controllerName in status entries.
const ControllerName = policy.Group + "/policy-controller"

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
	// ReplaceStatus is a JSON merge patch of the status subresource.
	ReplaceStatus Verb = "ReplaceStatus"
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
	// Reconciling says how far the policy that is planned is written out; empty when it is.
	Reconciling string
	// Enforcement is what data planes make of the target that is planned; nil
	// when that is not known.
	Enforcement []enforcement.Entry
	// Enforced is what they make of a policy under a Gateway; nil, or its answer
	// nil, when that is not known.
	Enforced func(policy, gateway hierarchy.Ref) *enforcement.Condition
}

// Withheld is why the newest result of a target is not published.
type Withheld struct{ Reason, Message string }

// Target lists the writes that make what is live for one route or Gateway
// agree with e. A target that is gone (e nil) loses its EffectivePolicy; on a
// cluster garbage collection would do the same.
func (p Planner) Target(target hierarchy.Ref, e *effective.Target, live Live) []Write {
	value, wanted := publish.AnnotationValue(e)
	return p.publish(publication{target: target, uid: uidOf(e), value: value, wanted: wanted, object: p.Object(target, e)}, live)
}

// Keep lists the writes that make what is live for one route or Gateway agree
// with what was published before, and say that something newer is withheld where
// it is. was is the EffectivePolicy as it was published; nil when nothing was.
// uid is that of the target.
func (p Planner) Keep(target hierarchy.Ref, uid string, was *unstructured.Unstructured, withheld *Withheld, live Live) []Write {
	if was == nil && withheld == nil {
		return p.publish(publication{target: target}, live)
	}
	c, wanted := publish.ContentOf(target, was)
	if withheld != nil {
		c.Withheld, wanted = withheld.Reason, true
	}
	if c.Scopes == nil {
		c.Scopes = []any{}
	}
	own := publish.Bare(target)
	if was != nil {
		own.Object["status"] = runtime.DeepCopyJSONValue(was.Object["status"])
		own.SetOwnerReferences(was.GetOwnerReferences())
	} else {
		own.Object["status"] = map[string]any{"summary": map[string]any{"target": target.Kind + "/" + target.Name}}
		own.SetOwnerReferences(ownerOf(p.version(target), target, uid))
	}
	return p.publish(publication{target: target, uid: uid, value: c.Text(), wanted: wanted, object: own, Withheld: withheld}, live)
}

// Object is the EffectivePolicy of e with its owner.
func (p Planner) Object(target hierarchy.Ref, e *effective.Target) *unstructured.Unstructured {
	object := publish.EffectivePolicy(e)
	if object != nil {
		publish.Trim(object)
		object.SetOwnerReferences(ownerOf(p.version(target), target, e.UID))
		showEnforcement(object, p.Enforcement)
	}
	return object
}

func uidOf(e *effective.Target) string {
	if e == nil || !e.Reached() {
		return ""
	}
	return e.UID
}

// publication is what is to be live for one target.
type publication struct {
	target hierarchy.Ref
	uid    string
	// value is that of our annotation, wanted whether there is to be one.
	value  string
	wanted bool
	// object is the EffectivePolicy, nil when there is to be none.
	object   *unstructured.Unstructured
	Withheld *Withheld
}

func (p Planner) publish(want publication, live Live) []Write {
	var writes []Write
	if annotations, exists := live.Annotations(want.target); exists && !p.LeaveRoutes {
		writes = p.annotation(writes, want, annotations)
	}
	have := live.EffectivePolicy(want.target.Namespace, publish.ObjectName(want.target))
	if have != nil && !publish.OwnedBy(have, want.target) {
		return writes // it is not ours to write over
	}
	switch {
	case want.object == nil && have == nil:
	case want.object == nil:
		writes = append(writes, Write{Delete, named(publish.APIVersion, publish.Kind, want.target.Namespace, have.GetName())})
	default:
		p.setPublished(want.object, have, want.Withheld)
		writes = appendEffective(writes, want.object, have)
	}
	return writes
}

// ConditionPublished says of an EffectivePolicy whether it is the newest result.
const ConditionPublished = "Published"

// setPublished gives an EffectivePolicy its condition. The time is that of the
// last transition, which only the object that is live knows.
func (p Planner) setPublished(want, have *unstructured.Unstructured, withheld *Withheld) {
	c := condition.New(ConditionPublished, metav1.ConditionTrue, "Published", "This is what the current policies come to.")
	if withheld != nil {
		c = condition.New(ConditionPublished, metav1.ConditionFalse, withheld.Reason, withheld.Message)
	}
	status, _ := want.Object["status"].(map[string]any)
	generation, _ := status["observedGeneration"].(int64)
	var live []metav1.Condition
	if have != nil {
		live = condition.In(have.Object, "status", "conditions")
	}
	c = condition.At(c, generation, live, p.Now())
	status["conditions"] = []any{condition.Object(&c)}
}

func (p Planner) annotation(writes []Write, want publication, annotations map[string]string) []Write {
	have, present := annotations[publish.Annotation]
	target := want.target
	object := named(p.version(target), target.Kind, target.Namespace, target.Name)
	switch {
	case want.wanted && (!present || have != want.value):
		object.SetAnnotations(map[string]string{publish.Annotation: want.value})
		// With a UID, the apply fails when the object has gone in the meantime. It
		// would make a new one otherwise.
		object.SetUID(types.UID(want.uid))
		return append(writes, Write{Apply, object})
	case !want.wanted && present:
		return append(writes, Write{RemoveAnnotation, object})
	}
	return writes
}

// appendEffective writes the two halves of an EffectivePolicy that differ. The
// status subresource is applied by itself, as the API server asks. To an object
// in the first form nothing can be applied before its status is replaced: what is
// live does not fit the schema any more.
func appendEffective(writes []Write, want, have *unstructured.Unstructured) []Write {
	main := want.DeepCopy()
	delete(main.Object, "status")
	first := publish.FirstForm(have)
	half := named(publish.APIVersion, publish.Kind, want.GetNamespace(), want.GetName())
	half.Object["targetRef"] = want.Object["targetRef"]
	half.Object["status"] = want.Object["status"]
	if first {
		writes = append(writes, Write{ReplaceStatus, replacement(half, have)})
	}
	if have == nil || !reflect.DeepEqual(main.Object["targetRef"], have.Object["targetRef"]) ||
		!reflect.DeepEqual(main.GetOwnerReferences(), have.GetOwnerReferences()) {
		writes = append(writes, Write{Apply, main})
	}
	if have == nil || first || !Claimed(have) || !reflect.DeepEqual(want.Object["status"], have.Object["status"]) {
		writes = append(writes, Write{ApplyStatus, half})
	}
	return writes
}

// replacement is an object whose status, as a JSON merge patch, replaces the one
// that is live: what it has no more is null.
func replacement(want, have *unstructured.Unstructured) *unstructured.Unstructured {
	patch := want.DeepCopy()
	status, _ := patch.Object["status"].(map[string]any)
	old, _ := have.Object["status"].(map[string]any)
	takeAway(status, old)
	return patch
}

func takeAway(want, have map[string]any) {
	for key, old := range have {
		now, kept := want[key]
		inner, isObject := now.(map[string]any)
		before, wasObject := old.(map[string]any)
		switch {
		case !kept:
			want[key] = nil
		case isObject && wasObject:
			takeAway(inner, before)
		}
	}
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
