package exporters

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// The fields that limit one try, and those that limit the whole request if there is only one try.
var (
	tryFields = []field.Field{field.Timeout(field.Backend), field.Retry(field.PerTryTimeout)}
	allTimers = []field.Field{field.Timeout(field.Backend), field.Timeout(field.Request), field.Retry(field.PerTryTimeout)}
)

// tries needs the request timeout, the timeout of one try, and retries. They depend on each other on
// Envoy Gateway (E7.3, E11.1, 12.E5c to f).
func (r *envoyRule) tries() {
	inForce := r.Retries() || (r.MaxRetries == nil && (r.Own.Retries || r.parentRetries()))
	r.Subsume()
	stated := r.Own.Retries
	if r.Own.Backend != nil && inForce && !stated && r.Retries() {
		// Without retries in the route, its own backendRequest would limit the whole request (E11.1 b).
		if !r.IntoRoute(export.AttemptsLeaf, r.attempts(), allTimers, r.InlineWins(export.BackendLeaf)) {
			r.accept(requestSlot)
			r.on.retry(r, nil)
			return
		}
		stated = true
	}
	switch {
	case stated:
		r.whole(r.Want.Request, field.Timeout(field.Request))
		r.tryIntoRoute()
	case r.Own.Backend != nil && !inForce:
		r.ownBackendIsAll()
	case r.Own.Backend != nil:
		// Only a foreign policy retries, so the time of the whole request cannot be changed.
		r.Each(allTimers, r.InlineWins(export.BackendLeaf))
		r.accept(requestSlot)
	default:
		r.timersInObject(inForce)
	}
	if stated {
		r.accept(retrySlot)
		r.retryFields()
		return
	}
	r.on.retry(r, r.PerTry())
}

// timersInObject is for a route whose owner states neither a time of one try nor retries: the object has
// both.
func (r *envoyRule) timersInObject(inForce bool) {
	perTry := r.PerTry()
	if inForce || perTry == nil {
		r.whole(r.Want.Request, field.Timeout(field.Request))
		return // the time of one try is in the retry block
	}
	// There is one try, so its time limits the whole request.
	if !perTry.Limits() {
		r.whole(r.Want.Request, field.Timeout(field.Request))
		r.Each(tryFields, func(v *draft.Outcome) {
			if v.As == "" {
				v.Written(export.Absent, nil)
			}
		})
		return
	}
	whole := field.Shorter(r.Want.Request, perTry)
	if r.Want.Request.Limits() && !field.Same(r.Want.Request, whole) {
		r.Sheet.At(field.Timeout(field.Request)).Note(export.Subsumed)
	}
	if r.Want.Request.Limits() && field.Same(r.Want.Request, whole) && !field.Same(perTry, whole) {
		r.Each(tryFields, func(v *draft.Outcome) { v.Note(export.Subsumed) })
	}
	r.whole(whole, allTimers...)
}

// whole writes how long the whole request may take, for some fields.
func (r *envoyRule) whole(d *field.Duration, fields ...field.Field) {
	f := field.Timeout(field.Request)
	if r.Own.Request == nil {
		if d == nil {
			return
		}
		r.need(requestSlot, d.Text, d.Text, fields...)
		r.raisesIdle()
		return
	}
	// A request timeout in the route takes precedence over that of the object (E11.1 a).
	r.accept(requestSlot)
	if field.Same(d, r.Own.Request) || (!d.Limits() && !r.Own.Request.Limits()) {
		r.Each(fields, func(v *draft.Outcome) { v.Written(r.InRoute(export.RequestLeaf), r.Own.Request.Text) })
		r.raisesIdle()
		return
	}
	var value any
	if d != nil {
		value = d.Text
	} else if r.States(f) {
		value = "0s"
	}
	if r.IntoRoute(export.RequestLeaf, value, fields, r.InlineWins(export.RequestLeaf)) {
		r.Each(fields, func(v *draft.Outcome) { v.Written(r.InRoute(export.RequestLeaf), value) })
		r.raisesIdle()
		return
	}
	if field.Same(r.Want.Request, r.Own.Request) && r.States(f) {
		// Only the time of one try is not in force: the request timeout of the owner stays.
		held := (&draft.Outcome{}).Written(r.InRoute(export.RequestLeaf), r.Own.Request.Text)
		*r.Sheet.At(f) = *held
	}
}

// raisesIdle notes that a request timeout removes the idle timeout of streams, unless one is stated
// (12.E5g).
func (r *envoyRule) raisesIdle() {
	if r.Want.Idle != nil || r.on != envoyGateway {
		return
	}
	for _, parent := range r.parents {
		if _, stated, _ := unstructured.NestedFieldNoCopy(parent, "timeout", "http", "streamIdleTimeout"); stated {
			return
		}
	}
	r.Each([]field.Field{field.Timeout(field.Request)}, func(v *draft.Outcome) { v.Note(export.IdleRaised) })
}

// ownBackendIsAll is for a route that states backendRequest and has one try: backendRequest then limits
// the whole request (12.E5f).
func (r *envoyRule) ownBackendIsAll() {
	whole := field.Shorter(r.Want.Request, r.PerTry())
	own := r.Own.Backend
	r.accept(requestSlot)
	if field.Same(whole, own) || (whole == nil && !own.Limits()) {
		r.Each(tryFields, func(v *draft.Outcome) { v.Written(r.InRoute(export.BackendLeaf), own.Text) })
		r.Each([]field.Field{field.Timeout(field.Request)}, func(v *draft.Outcome) {
			if r.Want.Request.Limits() && !field.Same(r.Want.Request, whole) {
				v.Written(export.Absent, nil).Note(export.Subsumed)
				return
			}
			v.Written(r.InRoute(export.BackendLeaf), own.Text)
		})
		return
	}
	var value any
	if whole != nil {
		value = whole.Text
	} else if r.Want.Backend != nil || r.PerTryTimeout != nil {
		value = "0s"
	}
	if !r.IntoRoute(export.BackendLeaf, value, allTimers, r.InlineWins(export.BackendLeaf)) {
		return
	}
	if value == nil {
		r.slots[requestSlot] = slot{}
		r.whole(r.Want.Request, field.Timeout(field.Request))
		return
	}
	r.Each(allTimers, func(v *draft.Outcome) { v.Written(r.InRoute(export.BackendLeaf), value) })
	if r.Own.Request != nil && !field.Same(r.Own.Request, r.Want.Request) {
		r.whole(r.Want.Request, field.Timeout(field.Request))
	}
}

// tryIntoRoute is for a route that states retry: the time of one try is its backendRequest.
func (r *envoyRule) tryIntoRoute() {
	perTry, own := r.PerTry(), r.Own.Backend
	if field.Same(perTry, own) || (!perTry.Limits() && !own.Limits()) {
		as := export.Absent
		if own != nil {
			as = r.InRoute(export.BackendLeaf)
		}
		r.Each(tryFields, func(v *draft.Outcome) { v.Written(as, textOf(own)) })
		return
	}
	if perTry.Limits() && field.Within(r.Want.Request, perTry) {
		perTry = r.Want.Request // the CRD wants backendRequest <= request
		r.Each(tryFields, func(v *draft.Outcome) { v.Note(export.Subsumed) })
	}
	var value any
	if perTry != nil {
		value = perTry.Text
	}
	if r.IntoRoute(export.BackendLeaf, value, tryFields, r.InlineWins(export.BackendLeaf)) {
		r.Each(tryFields, func(v *draft.Outcome) { v.Written(r.InRoute(export.BackendLeaf), value) })
		return
	}
	// Only the shorter of the two is not in force: the value of the owner stays.
	for f, asked := range map[field.Field]*field.Duration{field.Timeout(field.Backend): r.Want.Backend, field.Retry(field.PerTryTimeout): r.PerTryTimeout} {
		if own != nil && field.Same(asked, own) && r.States(f) {
			*r.Sheet.At(f) = *(&draft.Outcome{}).Written(r.InRoute(export.BackendLeaf), own.Text)
		}
	}
}

// textOf returns the text of a duration, nil if it is absent.
func textOf(d *field.Duration) any {
	if d == nil {
		return nil
	}
	return d.Text
}

// parentRetries reports whether a foreign policy above retries.
func (r *envoyRule) parentRetries() bool {
	return slices.ContainsFunc(r.parents, func(parent map[string]any) bool { return parent["retry"] != nil })
}
