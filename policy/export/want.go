package export

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"strings"
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

// limit is one rate limit.
type limit struct {
	// name is empty for the unnamed limit.
	name string
	// rate is per second; nil when the limit has none.
	rate *big.Rat
	// requests and per are of a named limit.
	requests int64
	per      time.Duration
	burst    int64
	hasBurst bool
	key      string
	counter  string
	disabled bool
}

func (l *limit) named() bool { return l.name != "" }

// field is a field of the limit.
func (l *limit) field(name string) Field { return Field{RateLimitPolicy, l.name, name} }

// head is the field that states the rate.
func (l *limit) head() Field {
	if l.named() {
		return l.field(requests)
	}
	return l.field(requestsPerSecond)
}

// capacity is how many requests the bucket that is asked for holds (E7.4).
func (l *limit) capacity() *big.Int {
	if l.named() {
		return new(big.Int).Add(big.NewInt(l.requests), big.NewInt(l.burst))
	}
	whole := new(big.Int).Quo(l.rate.Num(), l.rate.Denom())
	if whole.Sign() < 1 {
		whole.SetInt64(1)
	}
	return whole.Add(whole, big.NewInt(l.burst))
}

// header is the name of the header that requests are counted apart by.
func (l *limit) header() (string, bool) { return strings.CutPrefix(l.key, "Header:") }

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

// words are the texts of a list, each once, sorted.
func words(list []any) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		out = append(out, text(v))
	}
	slices.Sort(out)
	return slices.Compact(out)
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

func (l *limit) read(name string, v any) {
	switch name {
	case requestsPerSecond:
		l.rate, _ = rational(v)
	case requests:
		l.requests, _ = Integer(v)
	case per:
		d, _ := parseDuration(v)
		l.per = d.Duration
	case burst:
		l.burst, l.hasBurst = Integer(v)
	case key:
		l.key, _ = v.(string)
	case counter:
		l.counter, _ = v.(string)
	case mode:
		l.disabled = v == "Disabled"
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
