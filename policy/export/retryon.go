package export

import (
	"slices"
	"strconv"
)

// conditions are the words of retryOn that are neither codes nor gRPC statuses,
// in the order in which they are written (E7.8).
var conditions = []string{"5xx", "gateway-error", "connect-failure", "reset", "refused-stream", "retriable-4xx"}

// always are the codes that every data plane that retries supports.
var always = []int64{500, 502, 503, 504}

// The words of retryOn that the retries of data planes always mean: where they retry connection
// errors alone, and on Envoy.
var (
	connectionWords = []string{"connect-failure", "refused-stream"}
	envoyWords      = []string{"cancelled", "connect-failure", "refused-stream", "unavailable"}
)

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

// meansConnections says whether connection errors are among what is listed.
func meansConnections(list []string) bool {
	for _, word := range [...]string{"5xx", "connect-failure", "reset", "refused-stream"} {
		if slices.Contains(list, word) {
			return true
		}
	}
	return false
}
