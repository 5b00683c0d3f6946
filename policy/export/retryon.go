package export

import (
	"slices"
	"strconv"
	"strings"
)

// conditions are the words of retryOn that are neither codes nor gRPC statuses,
// in the order in which they are written (E7.8).
var conditions = []string{"5xx", "gateway-error", "connect-failure", "reset", "refused-stream", "retriable-4xx"}

// always are the codes that every data plane that retries supports.
var always = []int64{500, 502, 503, 504}

// retryWords is retryOn taken apart.
type retryWords struct {
	// conditions and statuses (of gRPC) are in the order in which they are
	// written; codes ascend.
	conditions, statuses []string
	codes                []int64
}

func splitWords(list []string) retryWords {
	var w retryWords
	for _, word := range list {
		if code, err := strconv.ParseInt(word, 10, 64); err == nil {
			w.codes = append(w.codes, code)
			continue
		}
		if !slices.Contains(conditions, word) {
			w.statuses = append(w.statuses, word)
		}
	}
	for _, word := range conditions {
		if slices.Contains(list, word) {
			w.conditions = append(w.conditions, word)
		}
	}
	slices.Sort(w.codes)
	slices.Sort(w.statuses)
	return w
}

// codesOf are the status codes that a condition stands for where there are
// codes alone.
func codesOf(condition string) []int64 {
	switch condition {
	case "5xx":
		return always
	case "gateway-error":
		return []int64{502, 503, 504}
	case "retriable-4xx":
		return []int64{409}
	}
	return nil
}

// asCodes is retryOn for planes that know status codes and retry connection
// errors by themselves.
type asCodes struct {
	codes []int64
	// dropped have no counterpart; implied are in force without a code.
	dropped, implied []string
	narrowed         bool
}

// inCodes writes retryOn as codes. connected are the words that the plane's
// retries always mean.
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

// nothing says that no word of the list is left.
func (a asCodes) nothing() bool { return len(a.codes) == 0 && len(a.implied) == 0 }

// optional are the codes that a plane need not support.
func (a asCodes) optional() []string {
	var codes []string
	for _, code := range a.codes {
		if !slices.Contains(always, code) {
			codes = append(codes, itoa(code))
		}
	}
	return codes
}

// judge adds the reasons that retryOn is not exactly what was asked.
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

// meansConnections says whether connection errors are among what is listed.
func meansConnections(list []string) bool {
	for _, word := range [...]string{"5xx", "connect-failure", "reset", "refused-stream"} {
		if slices.Contains(list, word) {
			return true
		}
	}
	return false
}

// ranges writes codes as Traefik reads them, adjacent ones as a range.
func ranges(codes []int64) []string {
	var out []string
	for i := 0; i < len(codes); {
		j := i
		for j+1 < len(codes) && codes[j+1] == codes[j]+1 {
			j++
		}
		text := itoa(codes[i])
		if j > i {
			text += "-" + itoa(codes[j])
		}
		out = append(out, text)
		i = j + 1
	}
	return out
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
