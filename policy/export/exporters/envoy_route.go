package exporters

import (
	"slices"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// attempts is the number of retries to put into the route.
func (r *envoyRule) attempts() int64 {
	if r.MaxRetries != nil {
		return *r.MaxRetries
	}
	return envoyDefaultRetries
}

// retryFields writes the fields of retries where the stanza is in the route. Envoy Gateway takes the
// whole block from there (E11.1 c).
func (r *envoyRule) retryFields() {
	if r.NoRetries() {
		r.noRetriesInRoute()
		return
	}
	r.attemptsInRoute()
	r.codesInRoute()
	r.backoffInRoute()
	r.Each([]field.Field{field.Retry(field.BackoffPolicy), field.Retry(field.BackoffMax)}, r.InlineWins("retry"))
}

func (r *envoyRule) attemptsInRoute() {
	f := field.Retry(field.MaxRetries)
	number := r.attempts()
	if r.MaxRetries == nil {
		if r.Own.Retries {
			return // the number is what the owner's stanza means without one
		}
		r.Each(r.FieldsOf(field.RetryPolicy), func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
	}
	own := r.Own.Attempts
	if own == nil && r.Own.Retries && r.In.Fields.DefaultAttempts > 0 {
		own = &r.In.Fields.DefaultAttempts
	}
	if own != nil && *own == number {
		r.Each([]field.Field{f}, func(v *draft.Outcome) { v.Written(r.InRoute(export.AttemptsLeaf), number) })
		return
	}
	if r.IntoRoute(export.AttemptsLeaf, number, []field.Field{f}, r.InlineWins(export.AttemptsLeaf)) {
		r.Each([]field.Field{f}, func(v *draft.Outcome) { v.Written(r.InRoute(export.AttemptsLeaf), number) })
	}
}

// codesInRoute writes retryOn as codes. The other conditions are fixed if the stanza is in the route.
func (r *envoyRule) codesInRoute() {
	f := field.Retry(field.RetryOn)
	if r.RetryOn == nil {
		return
	}
	if slices.Equal(r.RetryOn, r.Own.Codes) {
		r.Sheet.At(f).Written(r.InRoute(export.CodesLeaf), field.Anys(r.Own.Codes))
		return
	}
	in := draft.InCodes(r.RetryOn, field.EnvoyWords)
	for _, word := range r.RetryOn {
		if word == "5xx" || word == "retriable-4xx" || slices.Contains(in.Dropped, word) {
			r.Sheet.At(f).Because(export.InlineWins, export.CodesLeaf, r.Plane)
			return
		}
	}
	var value any
	if len(in.Codes) > 0 {
		value = field.Anys(in.Codes)
	}
	if !in.Same(r.Own.Codes) && !r.IntoRoute(export.CodesLeaf, value, []field.Field{f}, r.InlineWins(export.CodesLeaf)) {
		return
	}
	in.Judge(r.Sheet.At(f).Written(r.InRoute(export.CodesLeaf), value), r.RetryOn, true)
}

func (r *envoyRule) backoffInRoute() {
	base, f := r.BackoffBase, field.Retry(field.BackoffBase)
	if base == nil {
		return
	}
	if field.Same(base, r.Own.Backoff) {
		r.Sheet.At(f).Written(r.InRoute(export.BackoffLeaf), r.Own.Backoff.Text)
		return
	}
	if base.Off() {
		base, _, _ = r.backoffTimes()
	}
	if r.IntoRoute(export.BackoffLeaf, base.Text, []field.Field{f}, r.InlineWins(export.BackoffLeaf)) {
		r.Sheet.At(f).Written(r.InRoute(export.BackoffLeaf), base.Text)
	}
}

// noRetriesInRoute writes maxRetries 0 over the owner's stanza. If the CRD does not allow 0, the stanza
// is removed and the object has the value (12.S3).
func (r *envoyRule) noRetriesInRoute() {
	f := field.Retry(field.MaxRetries)
	if r.Own.Attempts != nil && *r.Own.Attempts == 0 {
		r.Sheet.At(f).Written(r.InRoute(export.AttemptsLeaf), int64(0))
		r.WithoutRetries()
		return
	}
	var value any
	if r.In.Fields.MinAttempts == 0 {
		value = int64(0)
	}
	if !r.IntoRoute(export.AttemptsLeaf, value, []field.Field{f}, r.InlineWins(export.AttemptsLeaf)) {
		for _, other := range r.FieldsOf(field.RetryPolicy) {
			if other != f && other.Name != field.PerTryTimeout {
				r.Sheet.At(other).Because(export.InlineWins, "retry", r.Plane)
			}
		}
		r.ownRetryStays()
		return
	}
	r.StanzaOut(value)
	if value == nil {
		r.slots[retrySlot] = slot{}
		r.Own = draft.OwnWords{Request: r.Own.Request, Backend: r.Own.Backend}
		r.backendIsAll()
		r.on.retry(r, nil)
	} else {
		r.Sheet.At(f).Written(r.InRoute(export.AttemptsLeaf), value)
	}
	r.WithoutRetries()
}

// ownRetryStays marks the effective values that the owner's stanza has: they are in force as long as the
// stanza is there.
func (r *envoyRule) ownRetryStays() {
	stays := func(f field.Field, leaf string, value any) {
		*r.Sheet.At(f) = *(&draft.Outcome{}).Written(r.InRoute(leaf), value)
	}
	if r.RetryOn != nil && slices.Equal(r.RetryOn, r.Own.Codes) {
		stays(field.Retry(field.RetryOn), export.CodesLeaf, field.Anys(r.Own.Codes))
	}
	if r.Own.Backoff != nil && field.Same(r.BackoffBase, r.Own.Backoff) {
		stays(field.Retry(field.BackoffBase), export.BackoffLeaf, r.Own.Backoff.Text)
	}
}

// backendIsAll is for a route whose stanza was removed. The time of one try in the route then limits the
// whole request (12.E5f), and is not longer than what is asked for that.
func (r *envoyRule) backendIsAll() {
	put, written := r.Puts[export.BackendLeaf]
	if written && put == nil || !written && !r.Own.Backend.Limits() {
		return
	}
	r.accept(requestSlot)
	r.Each([]field.Field{field.Timeout(field.Request)}, func(v *draft.Outcome) {
		*v = draft.Outcome{}
		v.Written(export.Absent, nil).Note(export.Subsumed)
	})
}
