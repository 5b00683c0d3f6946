package export

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"time"
)

// want is what the effective policies ask for on a rule: the values on which all paths of an exporter
// agree.
type want struct {
	// leaves are the values on which the paths agree, as they are written.
	leaves                          map[Field]any
	request, backend, connect, idle *duration

	// maxRetries is nil if absent.
	maxRetries *int64
	// retryOn is nil if absent.
	retryOn                                []string
	backoffPolicy                          string
	backoffBase, backoffMax, perTryTimeout *duration

	// limits are sorted by name, the unnamed limit first.
	limits []*limit
}

// newWant reads the values on which the paths of a rule agree.
func newWant(leaves map[Field]any) *want {
	w := &want{leaves: leaves}
	read := func(f Field) *duration {
		if d, ok := parseDuration(leaves[f]); ok {
			return &d
		}
		return nil
	}
	w.request, w.backend = read(timeout(request)), read(timeout(backend))
	w.connect, w.idle = read(timeout(connect)), read(timeout(idle))
	w.backoffBase, w.backoffMax = read(retry(backoffBase)), read(retry(backoffMax))
	w.perTryTimeout = read(retry(perTryTimeout))
	if n, ok := Integer(leaves[retry(maxRetries)]); ok {
		w.maxRetries = &n
	}
	if list, ok := leaves[retry(retryOn)].([]any); ok {
		w.retryOn = words(list)
	}
	w.backoffPolicy, _ = leaves[retry(backoffPolicy)].(string)
	w.readLimits()
	return w
}

func (w *want) readLimits() {
	byName := map[string]*limit{}
	for f, v := range w.leaves {
		if f.Policy != RateLimitPolicy {
			continue
		}
		l := byName[f.Limit]
		if l == nil {
			l = &limit{name: f.Limit}
			byName[f.Limit] = l
		}
		l.read(f.Name, v)
	}
	for _, name := range slices.SortedFunc(maps.Keys(byName), cmp.Compare[string]) {
		l := byName[name]
		if l.named() && l.requests > 0 {
			l.per = cmp.Or(l.per, time.Second)
			l.rate = big.NewRat(l.requests*int64(time.Second), int64(l.per))
		}
		if l.disabled || (l.rate != nil && l.rate.Sign() > 0) {
			w.limits = append(w.limits, l)
		}
	}
}

// has reports whether any field of a policy has a value.
func (w *want) has(policy string) bool {
	for f := range w.leaves {
		if f.Policy == policy {
			return true
		}
	}
	return false
}

// perTry is the time of one try (E7.3): the shorter of the two fields that limit it. It is 0s if at
// least one is present and none limits it.
func (w *want) perTry() *duration {
	if d := shorter(w.backend, w.perTryTimeout); d != nil {
		return d
	}
	if w.backend != nil || w.perTryTimeout != nil {
		return of(0)
	}
	return nil
}

// retries reports whether the policy asks for retries (E7.3).
func (w *want) retries() bool {
	if w.maxRetries != nil {
		return *w.maxRetries > 0
	}
	return w.has(RetryPolicy)
}

// noRetries reports whether the policy asks for no retries.
func (w *want) noRetries() bool { return w.maxRetries != nil && *w.maxRetries == 0 }
