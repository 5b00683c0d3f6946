package export

import (
	"slices"
	"strconv"
)

// conditions are the words of retryOn that are neither codes nor gRPC statuses, in the order in which
// they are written (E7.8).
var conditions = []string{"5xx", "gateway-error", "connect-failure", "reset", "refused-stream", "retriable-4xx"}

// always are the codes that every data plane with retries supports.
var always = []int64{500, 502, 503, 504}

// The words of retryOn that the retries of a data plane always include: of one that retries on
// connection errors, and of Envoy.
var (
	connectionWords = []string{"connect-failure", "refused-stream"}
	envoyWords      = []string{"cancelled", "connect-failure", "refused-stream", "unavailable"}
)

// retryWords are the words of retryOn by what they are.
type retryWords struct {
	// conditions and statuses (of gRPC) are in the order in which they are written. Codes ascend.
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

// codesOf returns the status codes that a condition means for planes that have codes only.
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

// meansConnections reports whether the list includes connection errors.
func meansConnections(list []string) bool {
	for _, word := range [...]string{"5xx", "connect-failure", "reset", "refused-stream"} {
		if slices.Contains(list, word) {
			return true
		}
	}
	return false
}
