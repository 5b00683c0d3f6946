package draft

import (
	"cmp"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/attache-dev/attache/policy/export/field"
)

// Want is what the effective policies ask for on a rule: the values on which all paths of an exporter
// agree.
type Want struct {
	// Leaves are the values on which the paths agree, as they are written.
	Leaves map[field.Field]any
	// fields are those of Leaves, sorted.
	fields                          []field.Field
	Request, Backend, Connect, Idle *field.Duration

	// MaxRetries is nil if absent.
	MaxRetries *int64
	// RetryOn is nil if absent.
	RetryOn                                []string
	BackoffPolicy                          string
	BackoffBase, BackoffMax, PerTryTimeout *field.Duration

	// Limits are sorted by name, the unnamed limit first.
	Limits []*Limit
}

// NewWant reads the values on which the paths of a rule agree.
func NewWant(leaves map[field.Field]any) *Want {
	w := &Want{Leaves: leaves, fields: field.Sorted(leaves)}
	read := func(f field.Field) *field.Duration {
		if d, ok := field.ParseDuration(leaves[f]); ok {
			return &d
		}
		return nil
	}
	w.Request, w.Backend = read(field.Timeout(field.Request)), read(field.Timeout(field.Backend))
	w.Connect, w.Idle = read(field.Timeout(field.Connect)), read(field.Timeout(field.Idle))
	w.BackoffBase, w.BackoffMax = read(field.Retry(field.BackoffBase)), read(field.Retry(field.BackoffMax))
	w.PerTryTimeout = read(field.Retry(field.PerTryTimeout))
	if n, ok := field.Integer(leaves[field.Retry(field.MaxRetries)]); ok {
		w.MaxRetries = &n
	}
	if list, ok := leaves[field.Retry(field.RetryOn)].([]any); ok {
		w.RetryOn = field.Words(list)
	}
	w.BackoffPolicy, _ = leaves[field.Retry(field.BackoffPolicy)].(string)
	w.readLimits()
	return w
}

func (w *Want) readLimits() {
	byName := map[string]*Limit{}
	for _, f := range w.fields {
		if f.Policy != field.RateLimitPolicy {
			continue
		}
		l := byName[f.Limit]
		if l == nil {
			l = &Limit{Name: f.Limit}
			byName[f.Limit] = l
		}
		l.fields = append(l.fields, f)
		l.read(f.Name, w.Leaves[f])
	}
	for _, name := range slices.SortedFunc(maps.Keys(byName), cmp.Compare[string]) {
		l := byName[name]
		if l.Named() && l.requests > 0 {
			l.per = cmp.Or(l.per, time.Second)
			l.rate = big.NewRat(l.requests*int64(time.Second), int64(l.per))
		}
		if l.Disabled || (l.rate != nil && l.rate.Sign() > 0) {
			w.Limits = append(w.Limits, l)
		}
	}
}

// Has reports whether any field of a policy has a value.
func (w *Want) Has(policy string) bool {
	return slices.ContainsFunc(w.fields, func(f field.Field) bool { return f.Policy == policy })
}

// PerTry is the time of one try (E7.3): the shorter of the two fields that limit it. It is 0s if at
// least one is present and none limits it.
func (w *Want) PerTry() *field.Duration {
	if d := field.Shorter(w.Backend, w.PerTryTimeout); d != nil {
		return d
	}
	if w.Backend != nil || w.PerTryTimeout != nil {
		return field.DurationOf(0)
	}
	return nil
}

// Retries reports whether the policy asks for retries (E7.3).
func (w *Want) Retries() bool {
	if w.MaxRetries != nil {
		return *w.MaxRetries > 0
	}
	return w.Has(field.RetryPolicy)
}

// NoRetries reports whether the policy asks for no retries.
func (w *Want) NoRetries() bool { return w.MaxRetries != nil && *w.MaxRetries == 0 }
