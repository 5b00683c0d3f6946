package export

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The fields that limit one try, and those that limit the whole request if there is only one try.
var (
	tryFields = []Field{timeout(backend), retry(perTryTimeout)}
	allTimers = []Field{timeout(backend), timeout(request), retry(perTryTimeout)}
)

// tries needs the request timeout, the timeout of one try, and retries. They depend on each other on
// Envoy Gateway (E7.3, E11.1, 12.E5c to f).
func (r *envoyRule) tries() {
	inForce := r.retries() || (r.maxRetries == nil && (r.own.retries || r.parentRetries()))
	r.subsume()
	stated := r.own.retries
	if r.own.backend != nil && inForce && !stated && r.retries() {
		// Without retries in the route, its own backendRequest would limit the whole request (E11.1 b).
		if !r.intoRoute(leafAttempts, r.attempts(), allTimers, r.inlineWins(leafBackend)) {
			r.accept(requestSlot)
			r.on.retry(r, nil)
			return
		}
		stated = true
	}
	switch {
	case stated:
		r.whole(r.want.request, timeout(request))
		r.tryIntoRoute()
	case r.own.backend != nil && !inForce:
		r.ownBackendIsAll()
	case r.own.backend != nil:
		// Only a foreign policy retries, so the time of the whole request cannot be changed.
		r.each(allTimers, r.inlineWins(leafBackend))
		r.accept(requestSlot)
	default:
		r.timersInObject(inForce)
	}
	if stated {
		r.accept(retrySlot)
		r.retryFields()
		return
	}
	r.on.retry(r, r.perTry())
}

// timersInObject is for a route whose owner states neither a time of one try nor retries: the object has
// both.
func (r *envoyRule) timersInObject(inForce bool) {
	perTry := r.perTry()
	if inForce || perTry == nil {
		r.whole(r.want.request, timeout(request))
		return // the time of one try is in the retry block
	}
	// There is one try, so its time limits the whole request.
	if !perTry.limits() {
		r.whole(r.want.request, timeout(request))
		r.each(tryFields, func(v *verdict) {
			if v.as == "" {
				v.written(Absent, nil)
			}
		})
		return
	}
	whole := shorter(r.want.request, perTry)
	if r.want.request.limits() && !same(r.want.request, whole) {
		r.sheet.at(timeout(request)).note(Subsumed)
	}
	if r.want.request.limits() && same(r.want.request, whole) && !same(perTry, whole) {
		r.each(tryFields, func(v *verdict) { v.note(Subsumed) })
	}
	r.whole(whole, allTimers...)
}

// whole writes how long the whole request may take, for some fields.
func (r *envoyRule) whole(d *duration, fields ...Field) {
	f := timeout(request)
	if r.own.request == nil {
		if d == nil {
			return
		}
		r.need(requestSlot, d.text, d.text, fields...)
		r.raisesIdle()
		return
	}
	// A request timeout in the route takes precedence over that of the object (E11.1 a).
	r.accept(requestSlot)
	if same(d, r.own.request) || (!d.limits() && !r.own.request.limits()) {
		r.each(fields, func(v *verdict) { v.written(r.inRoute(leafRequest), r.own.request.text) })
		r.raisesIdle()
		return
	}
	var value any
	if d != nil {
		value = d.text
	} else if r.states(f) {
		value = "0s"
	}
	if r.intoRoute(leafRequest, value, fields, r.inlineWins(leafRequest)) {
		r.each(fields, func(v *verdict) { v.written(r.inRoute(leafRequest), value) })
		r.raisesIdle()
		return
	}
	if same(r.want.request, r.own.request) && r.states(f) {
		// Only the time of one try is not in force: the request timeout of the owner stays.
		held := (&verdict{}).written(r.inRoute(leafRequest), r.own.request.text)
		*r.sheet.at(f) = *held
	}
}

// raisesIdle notes that a request timeout removes the idle timeout of streams, unless one is stated
// (12.E5g).
func (r *envoyRule) raisesIdle() {
	if r.want.idle != nil || r.on != envoyGateway {
		return
	}
	for _, parent := range r.parents {
		if _, stated, _ := unstructured.NestedFieldNoCopy(parent, "timeout", "http", "streamIdleTimeout"); stated {
			return
		}
	}
	r.each([]Field{timeout(request)}, func(v *verdict) { v.note(IdleRaised) })
}

// ownBackendIsAll is for a route that states backendRequest and has one try: backendRequest then limits
// the whole request (12.E5f).
func (r *envoyRule) ownBackendIsAll() {
	whole := shorter(r.want.request, r.perTry())
	own := r.own.backend
	r.accept(requestSlot)
	if same(whole, own) || (whole == nil && !own.limits()) {
		r.each(tryFields, func(v *verdict) { v.written(r.inRoute(leafBackend), own.text) })
		r.each([]Field{timeout(request)}, func(v *verdict) {
			if r.want.request.limits() && !same(r.want.request, whole) {
				v.written(Absent, nil).note(Subsumed)
				return
			}
			v.written(r.inRoute(leafBackend), own.text)
		})
		return
	}
	var value any
	if whole != nil {
		value = whole.text
	} else if r.want.backend != nil || r.perTryTimeout != nil {
		value = "0s"
	}
	if !r.intoRoute(leafBackend, value, allTimers, r.inlineWins(leafBackend)) {
		return
	}
	if value == nil {
		r.slots[requestSlot] = slot{}
		r.whole(r.want.request, timeout(request))
		return
	}
	r.each(allTimers, func(v *verdict) { v.written(r.inRoute(leafBackend), value) })
	if r.own.request != nil && !same(r.own.request, r.want.request) {
		r.whole(r.want.request, timeout(request))
	}
}

// tryIntoRoute is for a route that states retry: the time of one try is its backendRequest.
func (r *envoyRule) tryIntoRoute() {
	perTry, own := r.perTry(), r.own.backend
	if same(perTry, own) || (!perTry.limits() && !own.limits()) {
		as := Absent
		if own != nil {
			as = r.inRoute(leafBackend)
		}
		r.each(tryFields, func(v *verdict) { v.written(as, textOf(own)) })
		return
	}
	if perTry.limits() && within(r.want.request, perTry) {
		perTry = r.want.request // the CRD wants backendRequest <= request
		r.each(tryFields, func(v *verdict) { v.note(Subsumed) })
	}
	var value any
	if perTry != nil {
		value = perTry.text
	}
	if r.intoRoute(leafBackend, value, tryFields, r.inlineWins(leafBackend)) {
		r.each(tryFields, func(v *verdict) { v.written(r.inRoute(leafBackend), value) })
		return
	}
	// Only the shorter of the two is not in force: the value of the owner stays.
	for f, asked := range map[Field]*duration{timeout(backend): r.want.backend, retry(perTryTimeout): r.perTryTimeout} {
		if own != nil && same(asked, own) && r.states(f) {
			*r.sheet.at(f) = *(&verdict{}).written(r.inRoute(leafBackend), own.text)
		}
	}
}

// textOf returns the text of a duration, nil if it is absent.
func textOf(d *duration) any {
	if d == nil {
		return nil
	}
	return d.text
}

// parentRetries reports whether a foreign policy above retries.
func (r *envoyRule) parentRetries() bool {
	return slices.ContainsFunc(r.parents, func(parent map[string]any) bool { return parent["retry"] != nil })
}
