package export

import (
	"slices"
	"strconv"
	"strings"
)

// asCodes is retryOn for planes that have status codes only, and always retry on connection errors.
type asCodes struct {
	codes []int64
	// dropped are words without a counterpart; implied are words that are in force without a code.
	dropped, implied []string
	narrowed         bool
}

// inCodes expresses retryOn as codes. connected are the words that the retries of the plane always
// include.
func inCodes(list, connected []string) asCodes {
	w := splitWords(list)
	out := asCodes{codes: slices.Clone(w.codes)}
	for _, word := range slices.Concat(w.conditions, w.statuses) {
		codes := codesOf(word)
		out.codes = append(out.codes, codes...)
		switch {
		case len(codes) > 0:
			out.narrowed = out.narrowed || word == "5xx"
		case slices.Contains(connected, word):
			out.implied = append(out.implied, word)
		default:
			out.dropped = append(out.dropped, word)
		}
	}
	slices.Sort(out.codes)
	out.codes = slices.Compact(out.codes)
	return out
}

// nothing reports whether no word of retryOn is in force.
func (a asCodes) nothing() bool { return len(a.codes) == 0 && len(a.implied) == 0 }

// optional returns the codes that a plane need not support.
func (a asCodes) optional() []string {
	var codes []string
	for _, code := range a.codes {
		if !slices.Contains(always, code) {
			codes = append(codes, strconv.FormatInt(code, 10))
		}
	}
	return codes
}

// same reports whether the codes that the owner states are these.
func (a asCodes) same(own []string) bool {
	return slices.EqualFunc(a.codes, own, func(code int64, text string) bool { return strconv.FormatInt(code, 10) == text })
}

// judge adds the reasons why the codes are not exactly what retryOn asks for.
func (a asCodes) judge(v *verdict, list []string, anyCode bool) {
	if a.narrowed {
		v.because(CodesNarrowed)
	}
	if optional := a.optional(); len(optional) > 0 && !anyCode {
		v.because(CodesOptional, strings.Join(optional, ", "))
	}
	if len(a.dropped) > 0 {
		v.because(ConditionsDropped, strings.Join(a.dropped, ", "))
	}
	if !meansConnections(list) {
		v.because(ConnectionErrorsImplied)
	}
}

// withoutRetries marks the other fields of retries as subsumed: with maxRetries 0 they have no effect
// (E7.12).
func (r *rule) withoutRetries() {
	for _, f := range r.all(RetryPolicy) {
		if f.Name != maxRetries && f.Name != perTryTimeout {
			r.sheet.at(f).written(Absent, nil).note(Subsumed)
		}
	}
}

// stanzaOut removes the owner's codes and backoff from the route, and the attempts unless another value
// replaces them.
func (r *rule) stanzaOut(attempts any) {
	if attempts == nil {
		r.puts[leafAttempts] = nil
		if r.own.attempts == nil {
			delete(r.puts, leafAttempts)
		}
	}
	if r.own.codes != nil {
		r.puts[leafCodes] = nil
	}
	if r.own.backoff != nil {
		r.puts[leafBackoff] = nil
	}
}

// subsume marks the larger of the two fields that limit the time of one try as subsumed.
func (r *rule) subsume() {
	a, b := r.want.backend, r.perTryTimeout
	switch {
	case !a.limits() || !b.limits() || same(a, b):
	case within(a, b):
		r.sheet.at(retry(perTryTimeout)).note(Subsumed)
	default:
		r.sheet.at(timeout(backend)).note(Subsumed)
	}
}
