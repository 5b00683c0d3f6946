package status

import (
	"maps"
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
	// Apply is a server-side apply of the whole given object, with our field manager.
	Apply Verb = "Apply"
	// ApplyStatus is the same on the status subresource.
	ApplyStatus Verb = "ApplyStatus"
	// UpdateStatus replaces the status subresource at the object's
	// resourceVersion: for lists that server-side apply cannot share (R57).
	UpdateStatus Verb = "UpdateStatus"
	// ReplaceStatus is a JSON merge patch of the status subresource.
	ReplaceStatus Verb = "ReplaceStatus"
	// RemoveAnnotations removes the annotations of Write.Object from an object, whatever their values.
	RemoveAnnotations Verb = "RemoveAnnotation"
	// Create creates the object, unless it already exists.
	Create Verb = "Create"
	// Delete removes the object.
	Delete Verb = "Delete"
)

// Write is one write to the API server.
type Write struct {
	Verb Verb
	// Object is the object to apply or update; for other verbs it only has the name, and the
	// annotations to remove.
	Object *unstructured.Unstructured
}

// Live is the current state on the API server, as far as it concerns us.
type Live interface {
	// Annotations returns the annotations of a route or Gateway whose keys are Reserved; ok is false
	// when the object does not exist.
	Annotations(target hierarchy.Ref) (annotations map[string]string, ok bool)
	// EffectivePolicy returns the object of that name, nil when there is none.
	EffectivePolicy(namespace, name string) *unstructured.Unstructured
	// Policy returns a policy object with its status and resourceVersion, nil when there is none.
	Policy(ref hierarchy.Ref) *unstructured.Unstructured
}

// Planner computes writes. Now is its clock; Version gives the API version to
// write a kind in.
type Planner struct {
	Now     func() time.Time
	Version func(ref hierarchy.Ref) string
	// Instance is the process that reports events.
	Instance string
	// LeaveRoutes means that routes and Gateways do not get the annotation.
	LeaveRoutes bool
	// Holds lists where the values of a policy are held back; nil when none are.
	Holds func(policy hierarchy.Ref) []Hold
	// Reconciling says how far the results of the policy are written; empty when they all are.
	Reconciling string
	// Enforcement says how data planes enforce the target; nil when that is not known.
	Enforcement []enforcement.Entry
	// Enforced says how they enforce a policy under a Gateway; it is nil, or returns nil, when that
	// is not known.
	Enforced func(policy, gateway hierarchy.Ref) *enforcement.Condition
}

// Withheld is why the newest result of a target is not published.
type Withheld struct{ Reason, Message string }

// Target lists the writes that bring the live state of one route or Gateway in line with e. If the
// target no longer exists (e is nil), its EffectivePolicy is deleted; on a cluster, garbage
// collection would do the same.
func (p Planner) Target(target hierarchy.Ref, e *effective.Target, live Live) []Write {
	value, wanted := publish.AnnotationValue(e)
	return p.publish(publication{target: target, uid: uidOf(e), value: value, wanted: wanted, object: p.Object(target, e)}, live)
}

// Keep lists the writes that bring the live state of one route or Gateway in line with what was
// published before, and that say if something newer is withheld. was is the EffectivePolicy as it
// was published, nil if there was none. uid is the UID of the target.
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

// Object returns the EffectivePolicy of e with its owner.
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

// publication is the desired live state of one target.
type publication struct {
	target hierarchy.Ref
	uid    string
	// value is the value of our annotation; wanted says whether there should be one.
	value  string
	wanted bool
	// object is the EffectivePolicy, nil when there should be none.
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
		return writes // it is not ours, so it is not overwritten
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

// ConditionPublished reports whether an EffectivePolicy is the newest result.
const ConditionPublished = "Published"

// setPublished sets the condition of an EffectivePolicy. The time is that of the last transition,
// which only the live object has.
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

// annotation appends the writes that put the annotation right, and remove others whose keys only
// differ in case.
func (p Planner) annotation(writes []Write, want publication, annotations map[string]string) []Write {
	have, present := annotations[publish.Annotation]
	target := want.target
	object := func(annotations map[string]string) *unstructured.Unstructured {
		u := named(p.version(target), target.Kind, target.Namespace, target.Name)
		u.SetAnnotations(annotations)
		return u
	}
	if want.wanted && (!present || have != want.value) {
		apply := object(map[string]string{publish.Annotation: want.value})
		// With a UID, the apply fails if the object was deleted in the meantime. Otherwise it would
		// create a new one.
		apply.SetUID(types.UID(want.uid))
		writes = append(writes, Write{Apply, apply})
	}
	if len(annotations) == 0 || want.wanted && present && len(annotations) == 1 {
		return writes
	}
	extra := map[string]string{}
	for key := range annotations {
		if publish.Reserved(key) && (key != publish.Annotation || !want.wanted) {
			extra[key] = ""
		}
	}
	if len(extra) > 0 {
		writes = append(writes, Write{RemoveAnnotations, object(extra)})
	}
	return writes
}

// appendEffective appends the writes of those parts of an EffectivePolicy that differ. The status
// subresource is applied separately, as the API server requires. Nothing can be applied to an
// object in the first form before its status is replaced, because the live object does not fit the
// schema any more.
func appendEffective(writes []Write, want, have *unstructured.Unstructured) []Write {
	main := &unstructured.Unstructured{Object: maps.Clone(want.Object)}
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

// replacement returns an object whose status, as a JSON merge patch, replaces the live one: fields
// that are no longer there are null.
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
