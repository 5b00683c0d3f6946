package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
)

// exportOwner is the field manager for objects of data planes.
const exportOwner = "attache-export"

var crdKind = crd.GroupKind

// enforce brings data planes in line with the published result of a route: missing objects are
// created, then different ones are updated, then the route is touched, and only then unwanted
// objects are deleted (E2.5). A write that fails stops the deletes. It returns when to look again,
// 0 for never.
func (c *Controller) enforce(ctx context.Context, ref hierarchy.Ref, on *enforced) (time.Duration, error) {
	e := c.enforcer
	if e.Planes == nil || on == nil || !e.Planes.Synced() {
		return 0, nil
	}
	again := time.Duration(0)
	later := func(d time.Duration) {
		if d > 0 && (again == 0 || d < again) {
			again = d
		}
	}
	var failures []error
	want := map[hierarchy.Ref]bool{}
	quiet := map[string]bool{} // exporters that do not write here
	missing := false
	for i := range on.results {
		r := &on.results[i]
		if r.Registration.Exporter == nil {
			continue
		}
		name := r.Registration.Name()
		if r.Choice.Settings.Mode != enforcement.Write {
			quiet[name] = true
			continue
		}
		held := e.Planes.Held(name, ref)
		for _, object := range r.Projection.Objects {
			want[hierarchy.RefOf(object)] = true
			live := held[object.GetName()]
			wait, err := c.bring(ctx, r, object, live)
			later(wait)
			failures = append(failures, err)
			if live == nil {
				e.touchAnew(ref)
				missing = missing || wait > 0
			}
			settles := e.settles(name, hierarchy.RefOf(object), time.Now())
			later(settles)
			missing = missing || settles > 0
		}
	}
	if err := errors.Join(failures...); err != nil {
		return again, err
	}
	if missing {
		return again, nil // admission does not name an object that does not exist
	}
	touched := on.touched
	if touched == nil {
		t := c.touch(ctx, ref, on)
		touched = &t
	}
	later(touched.wait)
	if touched.err != nil || !touched.done {
		return again, touched.err
	}
	wait, err := c.discardUnwanted(ctx, ref, want, quiet)
	later(wait)
	return again, err
}

// discardUnwanted deletes our objects that are no longer wanted, except for exporters that are
// quiet. It returns when to look again, 0 for never.
func (c *Controller) discardUnwanted(ctx context.Context, ref hierarchy.Ref, want map[hierarchy.Ref]bool, quiet map[string]bool) (again time.Duration, err error) {
	e := c.enforcer
	for _, name := range slices.Concat(e.Config.Enabled, e.Cleanup) {
		if quiet[name] {
			continue
		}
		held := e.Planes.Held(name, ref)
		for _, object := range slices.Sorted(maps.Keys(held)) {
			live := held[object]
			if want[hierarchy.RefOf(live)] || live.GetDeletionTimestamp() != nil {
				e.stays(hierarchy.RefOf(live))
				continue
			}
			if left := e.lingers(name, hierarchy.RefOf(live), time.Now()); left > 0 {
				if again == 0 || left < again {
					again = left
				}
				continue
			}
			if err := c.discard(ctx, name, live); err != nil {
				return again, err
			}
		}
	}
	return again, nil
}

// bring brings one object to its desired state.
func (c *Controller) bring(ctx context.Context, r *enforcement.Result, want, live *unstructured.Unstructured) (wait time.Duration, err error) {
	e := c.enforcer
	ref := hierarchy.RefOf(want)
	if e.isRefused(ref, e.hashOf(want, r)) {
		return 0, nil
	}
	if live != nil && e.asWanted(want, live) {
		return c.stands(ctx, r, want, live)
	}
	if left := e.tooSoon(ref, time.Now()); left > 0 {
		return left, nil
	}
	exporter := want.GetLabels()[export.ExporterLabel]
	verb := "apply"
	resource := c.client.Resource(resourceOf(want)).Namespace(want.GetNamespace())
	var answer *unstructured.Unstructured
	if live == nil {
		verb = "create"
		answer, err = resource.Create(ctx, want, metav1.CreateOptions{FieldManager: exportOwner})
	} else {
		answer, err = resource.Apply(ctx, want.GetName(), want, metav1.ApplyOptions{FieldManager: exportOwner, Force: true})
		if err == nil && !e.asWanted(want, answer) {
			answer, err = resource.Patch(ctx, want.GetName(), types.JSONPatchType, specPatch(want), metav1.PatchOptions{FieldManager: exportOwner})
		}
	}
	e.wroteNow(ref, time.Now())
	if verb == "create" && err == nil {
		e.createdNow(ref, time.Now())
	}
	c.metrics.exportWrites.WithLabelValues(exporter, verb, resultText(err)).Inc()
	switch {
	case err == nil:
		e.forget(ref)
		if e.stood(r.Input.Route, want) {
			c.metrics.exportReverts.WithLabelValues(exporter).Inc()
		}
		e.Planes.Wrote(answer)
		return 0, nil
	case apierrors.IsAlreadyExists(err):
		e.fail(ref, want.GetName()+" exists and is not ours")
		return e.Interval, nil
	case apierrors.IsNotFound(err) && live == nil:
		return 0, nil // the namespace or the kind is being deleted
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err):
		e.fail(ref, err.Error())
		return time.Minute, nil
	}
	return 0, fmt.Errorf("%s of %s: %w", verb, ref, err)
}

// stands examines what the data plane says about an object in its desired state. If Envoy Gateway
// finds an object invalid, it answers every request of its rule with 500 (12.E5a): the object is
// deleted at once, and not written again.
func (c *Controller) stands(ctx context.Context, r *enforcement.Result, want, live *unstructured.Unstructured) (wait time.Duration, err error) {
	e := c.enforcer
	ref := hierarchy.RefOf(want)
	e.forget(ref)
	e.stood(r.Input.Route, want)
	reading := r.ReadObject(live)
	if reading.State != enforcement.Rejected {
		return 0, nil
	}
	if left := e.excused(ref, r.ParentRefused(), time.Now()); left > 0 {
		return left, nil
	}
	e.refuse(ref, e.hashOf(want, r), reading.Message)
	c.tellRefused(ctx, r.Input.Route, ref, reading.Message)
	return soon, c.discard(ctx, r.Registration.Name(), live)
}

// stood records that an object of a route is in its desired state, and reports whether it was
// before, with the same content.
func (e *enforcer) stood(route hierarchy.Ref, want *unstructured.Unstructured) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.standing[route] == nil {
		e.standing[route] = map[string]*unstructured.Unstructured{}
	}
	last := e.standing[route][want.GetName()]
	e.standing[route][want.GetName()] = want
	return last == want || last != nil && reflect.DeepEqual(last.Object, want.Object)
}

// excused returns how long an object stays although the data plane refuses it: as long as a policy
// above it is refused, too, and then until the data plane has had time to look again.
func (e *enforcer) excused(ref hierarchy.Ref, byParent bool, now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if byParent {
		e.excuses[ref] = now
		return patience
	}
	since, known := e.excuses[ref]
	if !known {
		return 0
	}
	left := patience - now.Sub(since)
	if left <= 0 {
		delete(e.excuses, ref)
	}
	return max(left, 0)
}

// specPatch replaces the whole spec, because fields of others beside ours change traffic.
func specPatch(want *unstructured.Unstructured) []byte {
	patch, err := json.Marshal([]any{map[string]any{"op": "replace", "path": "/spec", "value": want.Object["spec"]}})
	if err != nil {
		return []byte("[]")
	}
	return patch
}

// mentions reports whether a name occurs anywhere in a value, whatever field a data plane reads it
// from.
func mentions(value any, name string) bool {
	switch v := value.(type) {
	case string:
		return v == name
	case []any:
		return slices.ContainsFunc(v, func(entry any) bool { return mentions(entry, name) })
	case map[string]any:
		for _, entry := range v {
			if mentions(entry, name) {
				return true
			}
		}
	}
	return false
}

// discard deletes one of our objects that is no longer wanted, unless the stored route still names
// it: data planes answer 404 for a missing filter.
func (c *Controller) discard(ctx context.Context, exporter string, live *unstructured.Unstructured) error {
	route, _ := export.RouteOf(live)
	if stored := c.enforcer.Planes.Route(route); stored != nil {
		if mentions(stored.Object["spec"], live.GetName()) {
			return errLater{soon}
		}
	}
	c.enforcer.mu.Lock()
	delete(c.enforcer.standing[route], live.GetName())
	delete(c.enforcer.created, hierarchy.RefOf(live))
	c.enforcer.mu.Unlock()
	uid := live.GetUID()
	err := c.client.Resource(resourceOf(live)).Namespace(live.GetNamespace()).Delete(ctx, live.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	c.metrics.exportWrites.WithLabelValues(exporter, "delete", resultText(err)).Inc()
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		err = nil
	}
	return err
}

// settling is how long an object exists before a route names it. A data plane reads objects and
// routes separately, and answers 404 while a route that it already has names an object that it has
// not seen.
const settling = time.Second

// createdNow records that an object was created.
func (e *enforcer) createdNow(ref hierarchy.Ref, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.created[ref] = now
}

// settles returns how long routes must still not name an object.
func (e *enforcer) settles(exporter string, ref hierarchy.Ref, now time.Time) time.Duration {
	if r, known := exporters.Lookup(exporter); !known || !r.Named {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	at, young := e.created[ref]
	if !young {
		return 0
	}
	left := settling - now.Sub(at)
	if left <= 0 {
		delete(e.created, ref)
	}
	return max(left, 0)
}

// linger is how long an object stays after the last route has stopped naming it. A data plane reads
// objects and routes separately, and answers 404 while a route that it still has names a deleted
// object.
const linger = 5 * time.Second

// lingers returns how long an object must still stay.
func (e *enforcer) lingers(exporter string, ref hierarchy.Ref, now time.Time) time.Duration {
	if r, known := exporters.Lookup(exporter); !known || !r.Named {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	since, leaving := e.leaving[ref]
	if !leaving {
		e.leaving[ref], since = now, now
	}
	left := linger - now.Sub(since)
	if left <= 0 {
		delete(e.leaving, ref)
	}
	return max(left, 0)
}

// stays records that an object is no longer leaving.
func (e *enforcer) stays(ref hierarchy.Ref) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.leaving, ref)
}

// prepare returns the object with the defaults of the data plane's CRD.
func (e *enforcer) prepare(want *unstructured.Unstructured) (*unstructured.Unstructured, []string, bool) {
	if e.Prepare == nil {
		return want, nil, false
	}
	return e.Prepare(want)
}

// asWanted reports whether a live object is in its desired state: spec, our labels and annotations,
// and owner. What others added outside spec belongs to them.
func (e *enforcer) asWanted(want, live *unstructured.Unstructured) bool {
	return e.asExported(want, live) && reflect.DeepEqual(live.GetOwnerReferences(), want.GetOwnerReferences())
}

// asExported is asWanted for an object that others write, in mode Observe: what the command prints
// for them has no owner.
func (e *enforcer) asExported(want, live *unstructured.Unstructured) bool {
	prepared, _, _ := e.prepare(want)
	return reflect.DeepEqual(prepared.Object["spec"], live.Object["spec"]) &&
		contains(live.GetLabels(), want.GetLabels()) && contains(live.GetAnnotations(), want.GetAnnotations())
}

func contains(have, want map[string]string) bool {
	for k, v := range want {
		if have[k] != v {
			return false
		}
	}
	return true
}

// tooSoon returns how long an object must not be written yet (E5.7).
func (e *enforcer) tooSoon(ref hierarchy.Ref, now time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if last, ok := e.wrote[ref]; ok {
		return max(e.Interval-now.Sub(last), 0)
	}
	return 0
}

func (e *enforcer) wroteNow(ref hierarchy.Ref, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wrote[ref] = now
	if now.Sub(e.swept) < 10*e.Interval {
		return
	}
	e.swept = now
	maps.DeleteFunc(e.wrote, func(_ hierarchy.Ref, at time.Time) bool { return now.Sub(at) > e.Interval })
	maps.DeleteFunc(e.created, func(_ hierarchy.Ref, at time.Time) bool { return now.Sub(at) > settling })
}

func (e *enforcer) fail(ref hierarchy.Ref, why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failed[ref] = why
}

// isRefused reports whether the data plane has refused exactly this content.
func (e *enforcer) isRefused(ref hierarchy.Ref, hash string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	refused, found := e.refused[ref]
	if found && refused.hash != hash {
		delete(e.refused, ref)
		return false
	}
	return found
}

func (e *enforcer) refuse(ref hierarchy.Ref, hash, message string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused[ref] = refusal{hash, message}
}

func (e *enforcer) forget(ref hierarchy.Ref) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.failed, ref)
}

// hashOf returns a hash of the content of an object, of the generations of its Gateways, and of the
// route's request to try again (12.E5a).
func (e *enforcer) hashOf(u *unstructured.Unstructured, r *enforcement.Result) string {
	retry := ""
	if live := e.Planes.Route(r.Input.Route); live != nil {
		retry = live.GetAnnotations()[export.RetryAnnotation]
	}
	text, _ := json.Marshal([]any{u.Object["spec"], r.Input.ParentGenerations, retry}) // a value from JSON can be encoded
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:10]
}

func resultText(err error) string {
	if err != nil {
		return resultFailed
	}
	return resultDone
}

// resourceOf returns the resource of an exporter's kind.
func resourceOf(u *unstructured.Unstructured) schema.GroupVersionResource {
	gvk := u.GroupVersionKind()
	for _, r := range exporters.All() {
		for _, k := range r.Kinds {
			if k.GroupKind() == gvk.GroupKind() {
				return schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Plural}
			}
		}
	}
	return schema.GroupVersionResource{}
}
