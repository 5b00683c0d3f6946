package export

import "slices"

// attempts is the number of retries to put into the route.
func (r *envoyRule) attempts() int64 {
	if r.maxRetries != nil {
		return *r.maxRetries
	}
	return envoyDefaultRetries
}

// retryFields writes the fields of retries where the stanza is in the route. Envoy Gateway takes the
// whole block from there (E11.1 c).
func (r *envoyRule) retryFields() {
	if r.noRetries() {
		r.noRetriesInRoute()
		return
	}
	r.attemptsInRoute()
	r.codesInRoute()
	r.backoffInRoute()
	r.each([]Field{retry(backoffPolicy), retry(backoffMax)}, r.inlineWins("retry"))
}

func (r *envoyRule) attemptsInRoute() {
	f := retry(maxRetries)
	number := r.attempts()
	if r.maxRetries == nil {
		if r.own.retries {
			return // the number is what the owner's stanza means without one
		}
		r.each(r.all(RetryPolicy), func(v *verdict) { v.note(DataPlaneDefault) })
	}
	own := r.own.attempts
	if own == nil && r.own.retries && r.in.Fields.DefaultAttempts > 0 {
		own = &r.in.Fields.DefaultAttempts
	}
	if own != nil && *own == number {
		r.each([]Field{f}, func(v *verdict) { v.written(r.inRoute(leafAttempts), number) })
		return
	}
	if r.intoRoute(leafAttempts, number, []Field{f}, r.inlineWins(leafAttempts)) {
		r.each([]Field{f}, func(v *verdict) { v.written(r.inRoute(leafAttempts), number) })
	}
}

// codesInRoute writes retryOn as codes. The other conditions are fixed if the stanza is in the route.
func (r *envoyRule) codesInRoute() {
	f := retry(retryOn)
	if r.retryOn == nil {
		return
	}
	if slices.Equal(r.retryOn, r.own.codes) {
		r.sheet.at(f).written(r.inRoute(leafCodes), anys(r.own.codes))
		return
	}
	in := inCodes(r.retryOn, envoyWords)
	for _, word := range r.retryOn {
		if word == "5xx" || word == "retriable-4xx" || slices.Contains(in.dropped, word) {
			r.sheet.at(f).because(InlineWins, leafCodes, r.plane)
			return
		}
	}
	var value any
	if len(in.codes) > 0 {
		value = anys(in.codes)
	}
	if !in.same(r.own.codes) && !r.intoRoute(leafCodes, value, []Field{f}, r.inlineWins(leafCodes)) {
		return
	}
	in.judge(r.sheet.at(f).written(r.inRoute(leafCodes), value), r.retryOn, true)
}

func (r *envoyRule) backoffInRoute() {
	base, f := r.backoffBase, retry(backoffBase)
	if base == nil {
		return
	}
	if same(base, r.own.backoff) {
		r.sheet.at(f).written(r.inRoute(leafBackoff), r.own.backoff.text)
		return
	}
	if base.off() {
		base, _, _ = r.backoffTimes()
	}
	if r.intoRoute(leafBackoff, base.text, []Field{f}, r.inlineWins(leafBackoff)) {
		r.sheet.at(f).written(r.inRoute(leafBackoff), base.text)
	}
}

// noRetriesInRoute writes maxRetries 0 over the owner's stanza. If the CRD does not allow 0, the stanza
// is removed and the object has the value (12.S3).
func (r *envoyRule) noRetriesInRoute() {
	f := retry(maxRetries)
	if r.own.attempts != nil && *r.own.attempts == 0 {
		r.sheet.at(f).written(r.inRoute(leafAttempts), int64(0))
		r.withoutRetries()
		return
	}
	var value any
	if r.in.Fields.MinAttempts == 0 {
		value = int64(0)
	}
	if !r.intoRoute(leafAttempts, value, []Field{f}, r.inlineWins(leafAttempts)) {
		for _, other := range r.all(RetryPolicy) {
			if other != f && other.Name != perTryTimeout {
				r.sheet.at(other).because(InlineWins, "retry", r.plane)
			}
		}
		r.ownRetryStays()
		return
	}
	r.stanzaOut(value)
	if value == nil {
		r.slots[retrySlot] = slot{}
		r.own = ownWords{request: r.own.request, backend: r.own.backend}
		r.backendIsAll()
		r.on.retry(r, nil)
	} else {
		r.sheet.at(f).written(r.inRoute(leafAttempts), value)
	}
	r.withoutRetries()
}

// ownRetryStays marks the effective values that the owner's stanza has: they are in force as long as the
// stanza is there.
func (r *envoyRule) ownRetryStays() {
	stays := func(f Field, leaf string, value any) {
		*r.sheet.at(f) = *(&verdict{}).written(r.inRoute(leaf), value)
	}
	if r.retryOn != nil && slices.Equal(r.retryOn, r.own.codes) {
		stays(retry(retryOn), leafCodes, anys(r.own.codes))
	}
	if r.own.backoff != nil && same(r.backoffBase, r.own.backoff) {
		stays(retry(backoffBase), leafBackoff, r.own.backoff.text)
	}
}

// backendIsAll is for a route whose stanza was removed. The time of one try in the route then limits the
// whole request (12.E5f), and is not longer than what is asked for that.
func (r *envoyRule) backendIsAll() {
	put, written := r.puts[leafBackend]
	if written && put == nil || !written && !r.own.backend.limits() {
		return
	}
	r.accept(requestSlot)
	r.each([]Field{timeout(request)}, func(v *verdict) {
		*v = verdict{}
		v.written(Absent, nil).note(Subsumed)
	})
}
