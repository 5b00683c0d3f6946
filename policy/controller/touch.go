package controller

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/enforcement"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// touched is the result of triggering an admission of a route.
type touched struct {
	// done says that the values in the route are correct, sent that a request was sent.
	done, sent bool
	// wait is when to look again; 0 for never.
	wait time.Duration
	err  error
}

// touchFirst touches a route before its other writes are planned, if nothing else has to be written for a
// data plane before that (E2.5): admission writes the annotation in the same request, and the status is
// written once, for the generation that results. It returns nil if it did not look at the values.
func (c *Controller) touchFirst(ctx context.Context, ref hierarchy.Ref) *touched {
	e := c.enforcer
	if e.Planes == nil || !e.Planes.Synced() || !c.annotated(ref) {
		return nil
	}
	c.state.mu.RLock()
	on := c.enforcedOn(ref)
	c.state.mu.RUnlock()
	if on == nil || !e.complete(ref, on) {
		return nil
	}
	e.follows(ref)
	t := c.touch(ctx, ref, on)
	return &t
}

// annotated reports whether a route already has the annotation, if it should have one: the first
// annotation is written with our own field manager.
func (c *Controller) annotated(ref hierarchy.Ref) bool {
	annotations, exists := c.live.Annotations(ref)
	return exists && (c.options.LeaveRoutes || annotations[publish.Annotation] != "")
}

// complete reports whether values are put into a route, and all objects that it may name are as
// desired.
func (e *enforcer) complete(ref hierarchy.Ref, on *enforced) bool {
	injects := false
	for i := range on.results {
		r := &on.results[i]
		if r.Registration.Exporter == nil || r.Choice.Settings.Mode != enforcement.Write {
			continue
		}
		injects = injects || len(r.Projection.Rules) > 0
		held := e.Planes.Held(r.Registration.Name(), ref)
		for _, want := range r.Projection.Objects {
			live := held[want.GetName()]
			if live == nil || !e.asWanted(want, live) || e.settles(r.Registration.Name(), hierarchy.RefOf(want), time.Now()) > 0 {
				return false
			}
		}
	}
	return injects
}

// touch triggers an admission of the route when its values are not the desired ones (E8.6).
func (c *Controller) touch(ctx context.Context, ref hierarchy.Ref, on *enforced) touched {
	e := c.enforcer
	live := e.Planes.Route(ref)
	if live == nil || live.GetDeletionTimestamp() != nil {
		return touched{done: true}
	}
	if wanted := wantedIn(live, on, nil); wanted.In(live) {
		return touched{done: true} // the API server has accepted it
	}
	wanted := wantedIn(live, on, e.Check)
	if wanted.In(live) {
		return touched{done: true}
	}
	key := live.GetResourceVersion() + " " + wanted.Record.String()
	next, wait := e.nextTouch(ref, key)
	if !next {
		return touched{wait: wait}
	}
	resource, known := c.resource(ref.GroupKind)
	if !known {
		return touched{done: true}
	}
	answer, err := c.client.Resource(resource).Namespace(ref.Namespace).Patch(ctx, ref.Name, types.MergePatchType, []byte("{}"), metav1.PatchOptions{FieldManager: status.InjectOwner})
	c.metrics.exportWrites.WithLabelValues("route", "touch", resultText(err)).Inc()
	if apierrors.IsNotFound(err) {
		return touched{done: true, sent: true}
	}
	if err != nil {
		return touched{sent: true, err: fmt.Errorf("touching %s: %w", ref, err)}
	}
	e.Planes.Wrote(answer)
	if same := e.admit(ref, live, answer); !same {
		wanted = wantedIn(answer, on, e.Check)
	}
	done := wanted.In(answer)
	c.learn(answer, nil)
	if !done {
		return touched{sent: true, wait: wait}
	}
	return touched{done: true, sent: true}
}

// wantedIn returns the desired content of a stored route, and its record.
func wantedIn(live *unstructured.Unstructured, on *enforced, check export.Checker) export.Injected {
	var injections []export.RuleInjection
	for i := range on.results {
		if r := &on.results[i]; r.Choice.Settings.Mode == enforcement.Write {
			injections = append(injections, r.Projection.Rules...)
		}
	}
	own := &unstructured.Unstructured{Object: injected.OwnObject(live.Object)}
	return export.Inject(own, injections, check)
}

// touch is a request that triggered an admission, and how often the same request had no success.
type touch struct {
	key   string
	times int
}

// lastTouch is how often the same touch is sent before it is only sent occasionally: our webhook is
// not called, or its answer is ignored.
const lastTouch = 5

// nextTouch reports whether to touch a route for a key, and how long to wait until the next time:
// longer each time, because admission may not know yet what we know.
func (e *enforcer) nextTouch(ref hierarchy.Ref, key string) (now bool, wait time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	last := e.touched[ref]
	if last.key != key {
		last = touch{key: key}
	}
	last.times++
	if last.times > lastTouch {
		last.times = 0 // after a long pause it starts again
		e.touched[ref] = last
		return false, 30 * time.Second
	}
	e.touched[ref] = last
	return true, time.Second << (last.times - 1)
}

// touchAnew forgets touches of a route, because the objects that it may name have changed.
func (e *enforcer) touchAnew(ref hierarchy.Ref) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.touched, ref)
}

// admitted is a range of generations of a route between which only admission changed it.
type admitted struct {
	uid      types.UID
	from, to int64
	// planned means that the other writes for its generation are planned.
	planned bool
}

// admit records the effect of an admission on a route, and reports whether the owner's values are
// unchanged. If so, the result for the generation before holds for the new one, which the watch delivers
// later.
func (e *enforcer) admit(ref hierarchy.Ref, before, after *unstructured.Unstructured) (same bool) {
	own := func(u *unstructured.Unstructured) any { return injected.OwnObject(u.Object)["spec"] }
	same = before.GetUID() == after.GetUID() && maps.Equal(before.GetLabels(), after.GetLabels()) && reflect.DeepEqual(own(before), own(after))
	was, is := before.GetGeneration(), after.GetGeneration()
	if was == is {
		return same
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	last := e.admitted[ref]
	switch {
	case !same:
		delete(e.admitted, ref)
	case last.uid == after.GetUID() && last.to == was:
		e.admitted[ref] = admitted{uid: last.uid, from: last.from, to: is}
	default:
		e.admitted[ref] = admitted{uid: after.GetUID(), from: was, to: is}
	}
	return same
}

// asAdmitted returns the result of a route for the generation that an admission gave it.
func (e *enforcer) asAdmitted(target *effective.Target) *effective.Target {
	if target == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	a, known := e.admitted[target.Target]
	switch {
	case !known:
		return target
	case string(a.uid) == target.UID && a.from <= target.Generation && target.Generation < a.to:
		return target.At(a.to)
	}
	delete(e.admitted, target.Target) // the watch has delivered it, or something else
	return target
}

// follows records that somebody is about to touch a route and to plan its other writes afterwards.
func (e *enforcer) follows(ref hierarchy.Ref) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.following.add(ref)
}

// followed reports whether what data planes and watches say of a route now will be taken into account by
// who touches it, or already has been: they are answers to that touch, or come before its other writes
// are planned.
func (e *enforcer) followed(ref hierarchy.Ref) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, is := e.following[ref]
	return is
}

// arrived reports whether what follows from a new generation of a route, which is all that changed there,
// is planned already, or will be by who touches it now: it is that of an admission that we triggered. If a
// write of that fails, it is planned again.
func (e *enforcer) arrived(route *effective.Target) bool {
	if route == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, is := e.following[route.Target]; is {
		return true
	}
	a, known := e.admitted[route.Target]
	if !known || !a.planned || string(a.uid) != route.UID || a.to != route.Generation {
		return false
	}
	delete(e.admitted, route.Target)
	return true
}

// planned records that the other writes for the last admission are planned, or queued to be.
func (e *enforcer) planned(ref hierarchy.Ref) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.following, ref)
	if a, known := e.admitted[ref]; known {
		a.planned = true
		e.admitted[ref] = a
	}
}

// renewed returns the changed routes of which only the generation is another one: what admission put into
// their rules is not their owner's, and is not in the graph. Policies count them as before.
func renewed(before, after *policy.Snapshot, changed refs) refs {
	same := refs{}
	for ref := range changed {
		was, is := routeOf(before, ref), routeOf(after, ref)
		if was != nil && is != nil && sameRoute(was, is) {
			same.add(ref)
		}
	}
	return same
}

func routeOf(s *policy.Snapshot, ref hierarchy.Ref) *hierarchy.Route {
	object, _ := s.Graph().Get(ref)
	route, _ := object.(*hierarchy.Route)
	return route
}

func sameRoute(a, b *hierarchy.Route) bool {
	one, other := a.Meta(), b.Meta()
	return one.UID == other.UID && one.Created.Equal(other.Created) && maps.Equal(one.Labels, other.Labels) &&
		a.UseDefaultGateways == b.UseDefaultGateways && reflect.DeepEqual(a.Parents, b.Parents) &&
		reflect.DeepEqual(a.Hostnames, b.Hostnames) && reflect.DeepEqual(a.Rules, b.Rules)
}

// without returns the refs that are not among others.
func without(all, others refs) refs {
	if len(others) == 0 {
		return all
	}
	rest := maps.Clone(all)
	for ref := range others {
		delete(rest, ref)
	}
	return rest
}
