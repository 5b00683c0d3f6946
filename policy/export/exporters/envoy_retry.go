package exporters

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// envoyDefaultRetries is what Envoy Gateway takes if numRetries is absent.
const envoyDefaultRetries = 2

// retryBlock needs the retry stanza of the object (12.E5c, 12.E5d). Without a value of RetryPolicy there
// is none, unless the time of one try has to apply to the retries of a policy above.
func (r *envoyRule) retryBlock(perTry *field.Duration) {
	policy := r.Has(field.RetryPolicy)
	if !policy && (perTry == nil || !r.parentRetries()) {
		return
	}
	block := map[string]any{}
	number, known, agree := r.parentNumber()
	switch {
	case r.MaxRetries != nil:
		number = *r.MaxRetries
		r.Sheet.At(field.Retry(field.MaxRetries)).Written("spec.retry.numRetries", number)
	case !agree && !policy:
		d := r.parentDifference()
		r.Each(tryFields, func(v *draft.Outcome) { v.Because(export.ListenersDiffer, d.Args()...) })
		return
	case !agree || !known:
		number = envoyDefaultRetries
		r.Each(r.FieldsOf(field.RetryPolicy), func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
	}
	block["numRetries"] = number
	if perTry != nil {
		block["perRetry"] = map[string]any{"timeout": perTry.Text}
		r.Each(tryFields, func(v *draft.Outcome) { r.perTryVerdict(v, perTry) })
	}
	if r.NoRetries() {
		r.WithoutRetries()
	} else {
		r.retryConditions(block)
		r.backoff(block)
	}
	r.slots[retrySlot].value = block
	r.slots[retrySlot].fields = append(r.slots[retrySlot].fields, r.FieldsOf(field.RetryPolicy)...)
	r.slots[retrySlot].fields = append(r.slots[retrySlot].fields, field.Timeout(field.Backend))
}

// perTryVerdict sets where the time of one try stands, unless that is set already: if there is only one
// try, the request timeout limits it.
func (r *envoyRule) perTryVerdict(v *draft.Outcome, perTry *field.Duration) {
	if v.As == "" || v.As == export.Absent {
		v.Written("spec.retry.perRetry.timeout", perTry.Text)
	}
	if r.Want.Request.Limits() && field.Within(r.Want.Request, perTry) {
		v.Note(export.Subsumed)
	}
}

func (r *envoyRule) retryConditions(block map[string]any) {
	if r.RetryOn == nil {
		r.Each([]field.Field{field.Retry(field.MaxRetries)}, func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
		return
	}
	w := field.SplitWords(r.RetryOn)
	triggers := slices.Concat(w.Conditions, w.Statuses)
	on := map[string]any{}
	if len(w.Codes) > 0 {
		// Envoy drops codes without this trigger if other triggers are listed.
		triggers = append(triggers, "retriable-status-codes")
		on["httpStatusCodes"] = field.Anys(w.Codes)
	}
	on["triggers"] = field.Anys(triggers)
	block["retryOn"] = on
	r.Sheet.At(field.Retry(field.RetryOn)).Written("spec.retry.retryOn", on)
}

// backoff writes both intervals or neither, because a policy above could set the other one (12.E5a).
func (r *envoyRule) backoff(block map[string]any) {
	base, most, written := r.backoffTimes()
	if !written {
		r.Each([]field.Field{field.Retry(field.BackoffPolicy), field.Retry(field.BackoffMax)}, func(v *draft.Outcome) { v.Written(export.Absent, nil) })
		return
	}
	perRetry, _ := block["perRetry"].(map[string]any)
	if perRetry == nil {
		perRetry = map[string]any{}
		block["perRetry"] = perRetry
	}
	const at = "spec.retry.perRetry.backOff"
	times := map[string]any{"baseInterval": base.Text, "maxInterval": most.Text}
	perRetry["backOff"] = times
	r.Each([]field.Field{field.Retry(field.BackoffBase)}, func(v *draft.Outcome) { v.Written(at+".baseInterval", base.Text) })
	r.Each([]field.Field{field.Retry(field.BackoffPolicy)}, func(v *draft.Outcome) { v.Written(at, times) })
	r.Each([]field.Field{field.Retry(field.BackoffMax)}, func(v *draft.Outcome) {
		switch {
		case !r.BackoffMax.Limits():
			v.Written(export.Absent, nil)
		case r.BackoffPolicy == "constant":
			v.Written(export.Absent, nil).Note(export.Subsumed)
		default:
			v.Written(at+".maxInterval", most.Text)
		}
	})
}

// leastBase is what Envoy takes for the base interval if none is stated.
const leastBase = 25 * time.Millisecond

// backoffTimes returns the two intervals (E7.10), and whether there are any.
func (r *envoyRule) backoffTimes() (base, most *field.Duration, written bool) {
	base = r.BackoffBase
	if r.BackoffMax.Limits() {
		most = r.BackoffMax
	}
	constant := r.BackoffPolicy == "constant"
	switch {
	case base == nil && constant:
		base = field.DurationOf(leastBase)
	case base == nil && most == nil:
		return nil, nil, false
	case base == nil:
		base = field.Shorter(field.DurationOf(leastBase), most)
	case base.Off():
		base = field.DurationOf(time.Millisecond)
		r.Sheet.At(field.Retry(field.BackoffBase)).Because(export.NoOffSwitch, base.Text)
	}
	switch {
	case constant:
		most = base
		r.Each([]field.Field{field.Retry(field.BackoffPolicy)}, func(v *draft.Outcome) {
			v.Because(export.BackoffShape, "between 0 and "+base.Text+", at random")
		})
	case most == nil:
		most = field.DurationOf(10 * base.Duration)
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
		n, ok := field.Integer(v)
		return n, ok
	}
	return envoyDefaultRetries, true
}

// parentDifference returns the first two paths whose policies above differ in the number of retries.
func (r *envoyRule) parentDifference() draft.Difference {
	show := func(i int) string {
		if n, has := numRetries(r.parents[i]); has {
			return itoa(n) + " retries"
		}
		return "no retries"
	}
	for i := range r.parents {
		if show(i) != show(0) {
			return draft.Difference{HereWhere: r.Paths[0].Where(), Here: show(0), ThereWhere: r.Paths[i].Where(), There: show(i)}
		}
	}
	return draft.Difference{}
}
