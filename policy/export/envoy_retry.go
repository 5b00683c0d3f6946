package export

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// envoyDefaultRetries is what Envoy Gateway takes if numRetries is absent.
const envoyDefaultRetries = 2

// retryBlock needs the retry stanza of the object (12.E5c, 12.E5d). Without a value of RetryPolicy there
// is none, unless the time of one try has to apply to the retries of a policy above.
func (r *envoyRule) retryBlock(perTry *duration) {
	policy := r.has(RetryPolicy)
	if !policy && (perTry == nil || !r.parentRetries()) {
		return
	}
	block := map[string]any{}
	number, known, agree := r.parentNumber()
	switch {
	case r.maxRetries != nil:
		number = *r.maxRetries
		r.sheet.at(retry(maxRetries)).written("spec.retry.numRetries", number)
	case !agree && !policy:
		d := r.parentDifference()
		r.each(tryFields, func(v *verdict) { v.because(ListenersDiffer, d.args()...) })
		return
	case !agree || !known:
		number = envoyDefaultRetries
		r.each(r.all(RetryPolicy), func(v *verdict) { v.note(DataPlaneDefault) })
	}
	block["numRetries"] = number
	if perTry != nil {
		block["perRetry"] = map[string]any{"timeout": perTry.text}
		r.each(tryFields, func(v *verdict) { r.perTryVerdict(v, perTry) })
	}
	if r.noRetries() {
		r.withoutRetries()
	} else {
		r.retryConditions(block)
		r.backoff(block)
	}
	r.slots[retrySlot].value = block
	r.slots[retrySlot].fields = append(r.slots[retrySlot].fields, r.all(RetryPolicy)...)
	r.slots[retrySlot].fields = append(r.slots[retrySlot].fields, timeout(backend))
}

// perTryVerdict sets where the time of one try stands, unless that is set already: if there is only one
// try, the request timeout limits it.
func (r *envoyRule) perTryVerdict(v *verdict, perTry *duration) {
	if v.as == "" || v.as == Absent {
		v.written("spec.retry.perRetry.timeout", perTry.text)
	}
	if r.want.request.limits() && within(r.want.request, perTry) {
		v.note(Subsumed)
	}
}

func (r *envoyRule) retryConditions(block map[string]any) {
	if r.retryOn == nil {
		r.each([]Field{retry(maxRetries)}, func(v *verdict) { v.note(DataPlaneDefault) })
		return
	}
	w := splitWords(r.retryOn)
	triggers := slices.Concat(w.conditions, w.statuses)
	on := map[string]any{}
	if len(w.codes) > 0 {
		// Envoy drops codes without this trigger if other triggers are listed.
		triggers = append(triggers, "retriable-status-codes")
		on["httpStatusCodes"] = anys(w.codes)
	}
	on["triggers"] = anys(triggers)
	block["retryOn"] = on
	r.sheet.at(retry(retryOn)).written("spec.retry.retryOn", on)
}

// backoff writes both intervals or neither, because a policy above could set the other one (12.E5a).
func (r *envoyRule) backoff(block map[string]any) {
	base, most, written := r.backoffTimes()
	if !written {
		r.each([]Field{retry(backoffPolicy), retry(backoffMax)}, func(v *verdict) { v.written(Absent, nil) })
		return
	}
	perRetry, _ := block["perRetry"].(map[string]any)
	if perRetry == nil {
		perRetry = map[string]any{}
		block["perRetry"] = perRetry
	}
	const at = "spec.retry.perRetry.backOff"
	times := map[string]any{"baseInterval": base.text, "maxInterval": most.text}
	perRetry["backOff"] = times
	r.each([]Field{retry(backoffBase)}, func(v *verdict) { v.written(at+".baseInterval", base.text) })
	r.each([]Field{retry(backoffPolicy)}, func(v *verdict) { v.written(at, times) })
	r.each([]Field{retry(backoffMax)}, func(v *verdict) {
		switch {
		case !r.backoffMax.limits():
			v.written(Absent, nil)
		case r.backoffPolicy == "constant":
			v.written(Absent, nil).note(Subsumed)
		default:
			v.written(at+".maxInterval", most.text)
		}
	})
}

// leastBase is what Envoy takes for the base interval if none is stated.
const leastBase = 25 * time.Millisecond

// backoffTimes returns the two intervals (E7.10), and whether there are any.
func (r *envoyRule) backoffTimes() (base, most *duration, written bool) {
	base = r.backoffBase
	if r.backoffMax.limits() {
		most = r.backoffMax
	}
	constant := r.backoffPolicy == "constant"
	switch {
	case base == nil && constant:
		base = of(leastBase)
	case base == nil && most == nil:
		return nil, nil, false
	case base == nil:
		base = shorter(of(leastBase), most)
	case base.off():
		base = of(time.Millisecond)
		r.sheet.at(retry(backoffBase)).because(NoOffSwitch, base.text)
	}
	switch {
	case constant:
		most = base
		r.each([]Field{retry(backoffPolicy)}, func(v *verdict) {
			v.because(BackoffShape, "between 0 and "+base.text+", at random")
		})
	case most == nil:
		most = of(10 * base.Duration)
	case most.Duration < base.Duration:
		most = base
	}
	return base, most, true
}

// parentNumber returns numRetries of the policies above, whether there is any, and whether all paths
// agree on it.
func (r *envoyRule) parentNumber() (number int64, known, agree bool) {
	agree = true
	for i, parent := range r.parents {
		n, has := numRetries(parent)
		if i > 0 && (n != number || has != known) {
			agree = false
		}
		number, known = n, has
	}
	return number, known && agree, agree
}

func numRetries(parent map[string]any) (int64, bool) {
	if parent["retry"] == nil {
		return 0, false
	}
	if v, found, _ := unstructured.NestedFieldNoCopy(parent, "retry", "numRetries"); found {
		n, ok := Integer(v)
		return n, ok
	}
	return envoyDefaultRetries, true
}

// parentDifference returns the first two paths whose policies above differ in the number of retries.
func (r *envoyRule) parentDifference() difference {
	show := func(i int) string {
		if n, has := numRetries(r.parents[i]); has {
			return itoa(n) + " retries"
		}
		return "no retries"
	}
	for i := range r.parents {
		if show(i) != show(0) {
			return difference{hereWhere: r.paths[0].where(), here: show(0), thereWhere: r.paths[i].where(), there: show(i)}
		}
	}
	return difference{}
}
