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
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/exporters"
)

const (
	// exportOwner is the name under which objects of data planes are written.
	exportOwner = "attache-export"
	// injectOwner is the name under which admissions are made to happen.
	injectOwner = "attache-inject"
)

var crdKind = crd.GroupKind

// enforce makes what stands in data planes agree with what is published for a
// route: what is missing is created, then what differs is written, then the
// route is touched, and only then what is no longer wanted is deleted (E2.5). A
// write that fails stops the deletes. It returns when to look again, 0 for never.
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
		}
	}
	if err := errors.Join(failures...); err != nil {
		return again, err
	}
	if missing {
		return again, nil // admission names no object that is not there
	}
	done, wait, err := c.touch(ctx, ref, on)
	later(wait)
	if err != nil || !done {
		return again, err
	}
	wait, err = c.discardUnwanted(ctx, ref, want, quiet)
	later(wait)
	return again, err
}

// discardUnwanted deletes what is ours and nothing wants any more, but for the
// exporters that are quiet. It returns when to look again, 0 for never.
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

// bring makes one object as it is wanted.
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
		return 0, nil // the namespace or the kind is going
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err):
		e.fail(ref, err.Error())
		return time.Minute, nil
	}
	return 0, fmt.Errorf("%s of %s: %w", verb, ref, err)
}

// stands looks at what the data plane says of an object that is as it is wanted. An object that Envoy
// Gateway finds invalid makes every request of its rule a 500 (12.E5a): it goes at once, and is not
// written again.
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

// stood takes in that an object of a route stands as it is wanted, and says whether it did with the
// same content before.
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

// excused is how long an object that the plane refuses stays all the same: as long as a policy
// above it is refused, too, and then until the plane has had the time to look again.
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

// specPatch replaces the whole spec: what others put beside ours changes traffic.
func specPatch(want *unstructured.Unstructured) []byte {
	patch, err := json.Marshal([]any{map[string]any{"op": "replace", "path": "/spec", "value": want.Object["spec"]}})
	if err != nil {
		return []byte("[]")
	}
	return patch
}

// mentions says whether a name stands anywhere in a value, whatever field a data plane reads it from.
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

// discard deletes an object of ours that nothing wants any more, unless the
// stored route still names it: data planes answer 404 for a filter that is gone.
func (c *Controller) discard(ctx context.Context, exporter string, live *unstructured.Unstructured) error {
	route, _ := export.RouteOf(live)
	if stored := c.enforcer.Planes.Route(route); stored != nil {
		if mentions(stored.Object["spec"], live.GetName()) {
			return errLater{soon}
		}
	}
	c.enforcer.mu.Lock()
	delete(c.enforcer.standing[route], live.GetName())
	c.enforcer.mu.Unlock()
	uid := live.GetUID()
	err := c.client.Resource(resourceOf(live)).Namespace(live.GetNamespace()).Delete(ctx, live.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	c.metrics.exportWrites.WithLabelValues(exporter, "delete", resultText(err)).Inc()
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		err = nil
	}
	return err
}

// touch makes an admission of the route happen when what stands in it is not
// what is to stand there (E8.6), and says whether it is right now.
func (c *Controller) touch(ctx context.Context, ref hierarchy.Ref, on *enforced) (done bool, wait time.Duration, err error) {
	e := c.enforcer
	live := e.Planes.Route(ref)
	if live == nil || live.GetDeletionTimestamp() != nil {
		return true, 0, nil
	}
	wanted := e.wantedIn(live, on)
	if wanted.In(live) {
		return true, 0, nil
	}
	key := live.GetResourceVersion() + " " + wanted.Record.String()
	next, wait := e.nextTouch(ref, key)
	if !next {
		return false, wait, nil
	}
	resource, known := c.resource(ref.GroupKind)
	if !known {
		return true, 0, nil
	}
	answer, err := c.client.Resource(resource).Namespace(ref.Namespace).Patch(ctx, ref.Name, types.MergePatchType, []byte("{}"), metav1.PatchOptions{FieldManager: injectOwner})
	c.metrics.exportWrites.WithLabelValues("route", "touch", resultText(err)).Inc()
	if apierrors.IsNotFound(err) {
		return true, 0, nil
	}
	if err != nil {
		return false, 0, fmt.Errorf("touching %s: %w", ref, err)
	}
	e.Planes.Wrote(answer)
	if !e.wantedIn(answer, on).In(answer) {
		return false, wait, nil
	}
	return true, 0, nil
}

// lastTouch is how often the same touch is sent before it is only sent now and
// then: our webhook is not asked, or not heard.
const lastTouch = 5

// nextTouch says whether to touch a route for the sake of a key, and how long to
// wait until the next time: longer each time, for admission may not know yet what
// we know.
func (e *enforcer) nextTouch(ref hierarchy.Ref, key string) (now bool, wait time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	last := e.touched[ref]
	if last.key != key {
		last = touch{key: key}
	}
	last.times++
	if last.times > lastTouch {
		last.times = 0 // after a long pause it begins anew
		e.touched[ref] = last
		return false, 30 * time.Second
	}
	e.touched[ref] = last
	return true, time.Second << (last.times - 1)
}

// touchAnew forgets touches of a route: what it may name has changed.
func (e *enforcer) touchAnew(ref hierarchy.Ref) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.touched, ref)
}

// linger is how long an object that routes name stays when none does any more. A
// data plane reads objects and routes apart, and answers 404 where a route that it
// still has names an object that is gone.
const linger = 5 * time.Second

// lingers is how long an object must still stay.
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

// stays takes back that an object is leaving.
func (e *enforcer) stays(ref hierarchy.Ref) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.leaving, ref)
}

// wantedIn is what a stored route should say, and the record of it.
func (e *enforcer) wantedIn(live *unstructured.Unstructured, on *enforced) export.Injected {
	var injections []export.RuleInjection
	for i := range on.results {
		if r := &on.results[i]; r.Choice.Settings.Mode == enforcement.Write {
			injections = append(injections, r.Projection.Rules...)
		}
	}
	own := &unstructured.Unstructured{Object: injected.OwnObject(live.Object)}
	return export.Inject(own, injections, e.Check)
}

// prepare is the object as the plane's CRD defaults it.
func (e *enforcer) prepare(want *unstructured.Unstructured) (*unstructured.Unstructured, []string, bool) {
	if e.Prepare == nil {
		return want, nil, false
	}
	return e.Prepare(want)
}

// asWanted says whether a live object is as it is wanted: spec, labels and
// annotations of ours, and owner. What others added beside spec is theirs.
func (e *enforcer) asWanted(want, live *unstructured.Unstructured) bool {
	return e.asExported(want, live) && reflect.DeepEqual(live.GetOwnerReferences(), want.GetOwnerReferences())
}

// asExported is asWanted for an object that others write, in Observe: what the command prints for
// them has no owner.
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

// tooSoon is how long an object must not be written yet (E5.7).
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
	for other, at := range e.wrote {
		if now.Sub(at) > 10*e.Interval {
			delete(e.wrote, other)
		}
	}
}

func (e *enforcer) fail(ref hierarchy.Ref, why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failed[ref] = why
}

// isRefused says whether the plane has refused this very content.
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

// hashOf stands for the content of an object, for the generations of the Gateways
// that it is for, and for the route's wish to try again (12.E5a).
func (e *enforcer) hashOf(u *unstructured.Unstructured, r *enforcement.Result) string {
	retry := ""
	if live := e.Planes.Route(r.Input.Route); live != nil {
		retry = live.GetAnnotations()[export.RetryAnnotation]
	}
	text, _ := json.Marshal([]any{u.Object["spec"], r.Input.ParentGenerations, retry}) // a value from JSON encodes
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:10]
}

func resultText(err error) string {
	if err != nil {
		return resultFailed
	}
	return resultDone
}

// resourceOf is how the API server names the objects of an exporter's kind.
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
