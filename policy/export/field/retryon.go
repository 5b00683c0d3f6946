package field

import (
	"slices"
	"strconv"
)

// conditions are the words of retryOn that are neither codes nor gRPC statuses, in the order in which
// they are written (E7.8).
var conditions = []string{"5xx", "gateway-error", "connect-failure", "reset", "refused-stream", "retriable-4xx"}

// AlwaysRetried are the codes that every data plane with retries supports.
var AlwaysRetried = []int64{500, 502, 503, 504}

// The words of retryOn that the retries of a data plane always include: of one that retries on
// connection errors, and of Envoy.
var (
	ConnectionWords = []string{"connect-failure", "refused-stream"}
	EnvoyWords      = []string{"cancelled", "connect-failure", "refused-stream", "unavailable"}
)

// RetryWords are the words of retryOn by what they are.
type RetryWords struct {
	// Conditions and statuses (of gRPC) are in the order in which they are written. Codes ascend.
	Conditions, Statuses []string
	Codes                []int64
}

// SplitWords sorts the words of retryOn by what they are.
func SplitWords(list []string) RetryWords {
	var w RetryWords
	for _, word := range list {
		if code, err := strconv.ParseInt(word, 10, 64); err == nil {
			w.Codes = append(w.Codes, code)
			continue
		}
		if !slices.Contains(conditions, word) {
			w.Statuses = append(w.Statuses, word)
		}
	}
	for _, word := range conditions {
		if slices.Contains(list, word) {
			w.Conditions = append(w.Conditions, word)
		}
	}
	slices.Sort(w.Codes)
	slices.Sort(w.Statuses)
	return w
}

// CodesOf returns the status codes that a condition means for planes that have codes only.
func CodesOf(condition string) []int64 {
	switch condition {
	case "5xx":
		return AlwaysRetried
	case "gateway-error":
		return []int64{502, 503, 504}
	case "retriable-4xx":
		return []int64{409}
	}
	return nil
}

// MeansConnections reports whether the list includes connection errors.
func MeansConnections(list []string) bool {
	for _, word := range [...]string{"5xx", "connect-failure", "reset", "refused-stream"} {
		if slices.Contains(list, word) {
			return true
		}
	}
	return false
}
