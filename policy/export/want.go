package export

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"time"
)

// want is what applies to a rule on all of an exporter's paths.
type want struct {
	// leaves are the values on which the paths agree, as they are written.
	leaves                          map[Field]any
	request, backend, connect, idle *duration

	// maxRetries is nil when absent.
	maxRetries *int64
	// retryOn is nil when absent.
	retryOn                                []string
	backoffPolicy                          string
	backoffBase, backoffMax, perTryTimeout *duration

	// limits has the unnamed limit first, then the named ones by name.
	limits []*limit
}

// newWant reads the values that a rule's paths agree on.
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

// has says whether any of the fields of a policy has a value.
func (w *want) has(policy string) bool {
	for f := range w.leaves {
		if f.Policy == policy {
			return true
		}
	}
	return false
}

// perTry is the time of one try (E7.3): the smaller of the two fields that ask
// for one. If one is asked for and all are off, it is 0s.
func (w *want) perTry() *duration {
	if d := shorter(w.backend, w.perTryTimeout); d != nil {
		return d
	}
	if w.backend != nil || w.perTryTimeout != nil {
		return of(0)
	}
	return nil
}

// retries says whether retries are in force (E7.3), by the policy alone.
func (w *want) retries() bool {
	if w.maxRetries != nil {
		return *w.maxRetries > 0
	}
	return w.has(RetryPolicy)
}

// noRetries says that the policy wants none.
func (w *want) noRetries() bool { return w.maxRetries != nil && *w.maxRetries == 0 }
