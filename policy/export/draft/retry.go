package draft

import (
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// Codes is retryOn for planes that have status codes only, and always retry on connection errors.
type Codes struct {
	Codes []int64
	// Dropped are words without a counterpart; implied are words that are in force without a code.
	Dropped, implied []string
	narrowed         bool
}

// InCodes expresses retryOn as codes. connected are the words that the retries of the plane always
// include.
func InCodes(list, connected []string) Codes {
	w := field.SplitWords(list)
	out := Codes{Codes: slices.Clone(w.Codes)}
	for _, word := range slices.Concat(w.Conditions, w.Statuses) {
		codes := field.CodesOf(word)
		out.Codes = append(out.Codes, codes...)
		switch {
		case len(codes) > 0:
			out.narrowed = out.narrowed || word == "5xx"
		case slices.Contains(connected, word):
			out.implied = append(out.implied, word)
		default:
			out.Dropped = append(out.Dropped, word)
		}
	}
	slices.Sort(out.Codes)
	out.Codes = slices.Compact(out.Codes)
	return out
}

// Nothing reports whether no word of retryOn is in force.
func (a Codes) Nothing() bool { return len(a.Codes) == 0 && len(a.implied) == 0 }

// optional returns the codes that a plane need not support.
func (a Codes) optional() []string {
	var codes []string
	for _, code := range a.Codes {
		if !slices.Contains(field.AlwaysRetried, code) {
			codes = append(codes, strconv.FormatInt(code, 10))
		}
	}
	return codes
}

// Same reports whether the codes that the owner states are these.
func (a Codes) Same(own []string) bool {
	return slices.EqualFunc(a.Codes, own, func(code int64, text string) bool { return strconv.FormatInt(code, 10) == text })
}

// Judge adds the reasons why the codes are not exactly what retryOn asks for.
func (a Codes) Judge(v *Outcome, list []string, anyCode bool) {
	if a.narrowed {
		v.Because(export.CodesNarrowed)
	}
	if optional := a.optional(); len(optional) > 0 && !anyCode {
		v.Because(export.CodesOptional, strings.Join(optional, ", "))
	}
	if len(a.Dropped) > 0 {
		v.Because(export.ConditionsDropped, strings.Join(a.Dropped, ", "))
	}
	if !field.MeansConnections(list) {
		v.Because(export.ConnectionErrorsImplied)
	}
}

// WithoutRetries marks the other fields of retries as subsumed: with maxRetries 0 they have no effect
// (E7.12).
func (r *Rule) WithoutRetries() {
	for _, f := range r.FieldsOf(field.RetryPolicy) {
		if f.Name != field.MaxRetries && f.Name != field.PerTryTimeout {
			r.Sheet.At(f).Written(export.Absent, nil).Note(export.Subsumed)
		}
	}
}

// StanzaOut removes the owner's codes and backoff from the route, and the attempts unless another value
// replaces them.
func (r *Rule) StanzaOut(attempts any) {
	if attempts == nil {
		r.Puts[export.AttemptsLeaf] = nil
		if r.Own.Attempts == nil {
			delete(r.Puts, export.AttemptsLeaf)
		}
	}
	if r.Own.Codes != nil {
		r.Puts[export.CodesLeaf] = nil
	}
	if r.Own.Backoff != nil {
		r.Puts[export.BackoffLeaf] = nil
	}
}

// Subsume marks the larger of the two fields that limit the time of one try as subsumed.
func (r *Rule) Subsume() {
	a, b := r.Want.Backend, r.PerTryTimeout
	switch {
	case !a.Limits() || !b.Limits() || field.Same(a, b):
	case field.Within(a, b):
		r.Sheet.At(field.Retry(field.PerTryTimeout)).Note(export.Subsumed)
	default:
		r.Sheet.At(field.Timeout(field.Backend)).Note(export.Subsumed)
	}
}
