package oracle

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/attache-dev/attache/test/dataplane"
)

// claim is what is said of one field on one path, with the field's effective
// value.
type claim struct {
	Policy, Field, Outcome, Reason, As, Message string
	Value                                       any
	effective                                   any
	retried                                     bool // that retries are asked for
}

// observed is what Envoy does on one path: one entry for each match and hostname.
type observed struct {
	routes   []dataplane.EnvoyRoute
	clusters map[string]dataplane.EnvoyCluster
}

// contradictions compares a claim with what Envoy does, and says what is wrong.
func (o *observed) contradictions(c claim) []string {
	var wrong []string
	for _, r := range o.routes {
		if r.Route == nil {
			if c.Reason != "NotProxied" {
				wrong = append(wrong, r.Name+" does not proxy")
			}
			continue
		}
		check, known := checks[c.Policy+" "+c.Field]
		if !known {
			continue
		}
		switch {
		case c.Outcome != "Unsupported":
			if complaint := check(view{&r, o.clusters[r.Route.Cluster]}, c); complaint != "" {
				wrong = append(wrong, r.Name+": "+complaint)
			}
		case c.Reason == "InlineWins" || c.Reason == "ForeignPolicy":
			written := c
			written.Value = c.effective
			if !byAbsence(c) && inForce(view{&r, o.clusters[r.Route.Cluster]}, written, check) {
				wrong = append(wrong, r.Name+": it is in force all the same")
			}
		}
	}
	return wrong
}

// inForce says whether exactly what is effective is in force, although it is said
// not to be. A time of one try is more than the time of all of them: where that
// ends a request, or where the retries that were asked for are missing, it says
// nothing.
func inForce(v view, c claim, check func(view, claim) string) bool {
	switch c.Field {
	case "backend", "perTryTimeout":
	case "retryOn": // no more than was asked, either
		list, _ := c.effective.([]any)
		for _, word := range strings.Split(v.retry().RetryOn, ",") {
			if word != "" && word != "retriable-status-codes" && !slices.ContainsFunc(list, func(item any) bool { return item == word }) {
				return false
			}
		}
		return check(v, c) == ""
	default:
		return check(v, c) == ""
	}
	asked, whole := duration(c.effective), duration(v.Route.Timeout)
	if v.retries() > 0 {
		return duration(v.retry().PerTryTimeout) == asked && (whole == 0 || whole > asked)
	}
	return whole == asked && !c.retried
}

// byAbsence says that a value is in force wherever nobody states anything, so
// that it says nothing about who wins.
func byAbsence(c claim) bool {
	return c.effective == "0s" || plain(c.effective) == "0" || c.effective == "Disabled" || c.effective == "All" || c.Field == "counter" || c.Field == "backoffPolicy"
}

// view is one entry of Envoy's route configuration with its cluster.
type view struct {
	*dataplane.EnvoyRoute
	cluster dataplane.EnvoyCluster
}

func (v view) retry() dataplane.EnvoyRetry {
	if v.Route.RetryPolicy == nil {
		return dataplane.EnvoyRetry{}
	}
	return *v.Route.RetryPolicy
}

// retries is how often Envoy tries again. Where its number is not set, it is one.
func (v view) retries() int64 {
	switch {
	case v.Route.RetryPolicy == nil:
		return 0
	case v.Route.RetryPolicy.NumRetries == nil:
		return 1
	}
	return *v.Route.RetryPolicy.NumRetries
}

// checks say what is wrong about a claim that a field is in force.
var checks = map[string]func(view, claim) string{
	"TimeoutPolicy request":             checkRequest,
	"TimeoutPolicy backend":             checkTry,
	"RetryPolicy perTryTimeout":         checkTry,
	"TimeoutPolicy connect":             func(v view, c claim) string { return sameDuration(v.cluster.ConnectTimeout, c.Value) },
	"TimeoutPolicy idle":                func(v view, c claim) string { return sameDuration(v.Route.IdleTimeout, c.Value) },
	"RetryPolicy maxRetries":            checkRetries,
	"RetryPolicy retryOn":               checkRetryOn,
	"RetryPolicy backoffBase":           checkBase,
	"RetryPolicy backoffMax":            checkMax,
	"RateLimitPolicy requestsPerSecond": checkLimit,
	"RateLimitPolicy key":               checkKey,
	"RateLimitPolicy mode":              checkOff,
}

// checkRequest: the whole request ends in time.
func checkRequest(v view, c claim) string {
	if c.As == "(absent)" {
		return within(v.Route.Timeout, c.effective)
	}
	return sameDuration(v.Route.Timeout, c.Value)
}

// checkTry: each try ends in time, by its own timer or by that of the request.
func checkTry(v view, c claim) string {
	asked := duration(c.effective)
	if asked == 0 { // off: no timer of a try's own
		if v.retries() > 0 && duration(v.retry().PerTryTimeout) > 0 && c.Value == nil {
			return "tries end after " + v.retry().PerTryTimeout + ", and off was asked"
		}
		return ""
	}
	bound := duration(v.Route.Timeout)
	// Envoy has no timer for a try where it never tries again.
	if perTry := duration(v.retry().PerTryTimeout); v.retries() > 0 && perTry > 0 && (bound == 0 || perTry < bound) {
		bound = perTry
	}
	if bound == 0 || bound > asked {
		return fmt.Sprintf("a try may take %v, and %v was asked", bound, asked)
	}
	return ""
}

func checkRetries(v view, c claim) string {
	if c.As == "(absent)" && c.Value == nil && plain(c.effective) != "0" {
		return fmt.Sprintf("%v retries are said to be there by absence", c.effective)
	}
	if want := plain(c.effective); fmt.Sprint(v.retries()) != want {
		return fmt.Sprintf("it retries %d times, not %s", v.retries(), want)
	}
	return ""
}

// checkRetryOn compares as sets.
func checkRetryOn(v view, c claim) string {
	if v.retries() == 0 {
		if c.As == "(absent)" {
			return ""
		}
		return "it does not retry"
	}
	words, codes := strings.Split(v.retry().RetryOn, ","), v.retry().RetriableStatusCodes
	list, _ := c.effective.([]any)
	for _, item := range list {
		word := fmt.Sprint(item)
		switch {
		case len(word) == 3 && word[0] >= '1' && word[0] <= '5' && word != "5xx":
			if !slices.Contains(codes, number(word)) || !slices.Contains(words, "retriable-status-codes") {
				return fmt.Sprintf("%s is not retried: %v, %v", word, words, codes)
			}
		case !slices.Contains(words, word) && (word != "gateway-error" || !gatewayErrors(codes)) && c.Reason != "ConditionsDropped":
			return fmt.Sprintf("%s is not retried: %v, %v", word, words, codes)
		}
	}
	for _, code := range codes {
		if !slices.ContainsFunc(list, func(item any) bool { return fmt.Sprint(item) == fmt.Sprint(code) }) && !(code == 503 || gatewayErrors(codes)) {
			return fmt.Sprintf("%d is retried, which was not asked", code)
		}
	}
	return ""
}

func gatewayErrors(codes []int64) bool {
	return slices.Contains(codes, 502) && slices.Contains(codes, 503) && slices.Contains(codes, 504)
}

func number(text string) (n int64) {
	_, _ = fmt.Sscan(text, &n)
	return n
}

func checkBase(v view, c claim) string {
	if c.As == "(absent)" || c.Value == nil {
		return ""
	}
	if v.retry().RetryBackOff == nil {
		return "it has no backoff"
	}
	return sameDuration(v.retry().RetryBackOff.BaseInterval, c.Value)
}

func checkMax(v view, c claim) string {
	if c.As == "(absent)" || c.Value == nil || duration(c.effective) == 0 {
		return ""
	}
	if v.retry().RetryBackOff == nil {
		return "it has no backoff"
	}
	return sameDuration(v.retry().RetryBackOff.MaxInterval, c.Value)
}

// checkLimit: each descriptor, and there is at least one, has the bucket that was
// written, and what matches none is not limited.
func checkLimit(v view, c claim) string {
	limit := v.Filters.Local
	if c.As == "(absent)" {
		if limit != nil && !unlimited(limit) {
			return "it limits, and the limit is said to be off"
		}
		return ""
	}
	want, ok := c.Value.(map[string]any)
	if !ok { // an effective value that is not in force: no bucket of ours
		return "no bucket was written"
	}
	if limit == nil || len(limit.Descriptors) == 0 {
		return "it does not limit"
	}
	if limit.AlwaysConsumeDefaultTokenBucket == nil || *limit.AlwaysConsumeDefaultTokenBucket {
		return "every request takes of the default bucket, too"
	}
	if limit.TokenBucket != nil && limit.TokenBucket.MaxTokens < 1<<31 {
		return fmt.Sprintf("what matches nothing is limited to %d", limit.TokenBucket.MaxTokens)
	}
	unit := map[string]time.Duration{"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour, "Day": 24 * time.Hour}[fmt.Sprint(want["unit"])]
	for _, d := range limit.Descriptors {
		if adds(c) && foreignBucket(d.TokenBucket) {
			continue
		}
		if fmt.Sprint(d.TokenBucket.MaxTokens) != plain(want["requests"]) || d.TokenBucket.TokensPerFill != d.TokenBucket.MaxTokens || duration(d.TokenBucket.FillInterval) != unit {
			return fmt.Sprintf("a bucket has %+v, want %v", d.TokenBucket, want)
		}
	}
	return ""
}

// adds says that limits of a stranger are said to be there as well. Theirs is 77 an
// hour in all worlds.
func adds(c claim) bool { return strings.Contains(c.Reason+c.Message, "AddsToForeign") }

func foreignBucket(b dataplane.EnvoyBucket) bool { return b.MaxTokens == 77 }

// checkKey: one bucket for everybody, two for addresses of both families, two for
// a header and for what lacks it.
func checkKey(v view, c claim) string {
	limit := v.Filters.Local
	if c.As == "(absent)" {
		return ""
	}
	if limit == nil {
		return "it does not limit"
	}
	want := 2
	if c.effective == "All" {
		want = 1
	}
	got := 0
	for _, d := range limit.Descriptors {
		if !foreignBucket(d.TokenBucket) {
			got++
		}
	}
	if got != want {
		return fmt.Sprintf("it has %d buckets for key %v, want %d", got, c.effective, want)
	}
	return ""
}

// checkOff: nobody limits.
func checkOff(v view, c claim) string {
	if c.effective == "Disabled" && v.Filters.Local != nil && !unlimited(v.Filters.Local) {
		return "it limits, and Disabled was asked"
	}
	return ""
}

func unlimited(limit *dataplane.EnvoyLimit) bool {
	if limit.TokenBucket != nil && limit.TokenBucket.MaxTokens < 1<<31 {
		return false
	}
	for _, d := range limit.Descriptors {
		if d.TokenBucket.MaxTokens < 1<<31 {
			return false
		}
	}
	return true
}

// duration reads both spellings, ours and Envoy's; absent is 0.
func duration(value any) time.Duration {
	d, _ := time.ParseDuration(fmt.Sprint(value))
	return d
}

func sameDuration(got string, want any) string {
	if want == nil {
		return "no value is said to be written"
	}
	if got == "" || duration(got) != duration(want) {
		return fmt.Sprintf("Envoy has %q, want %v", got, want)
	}
	return ""
}

// within: a limit that is at most the one asked for; 0s is none.
func within(got string, asked any) string {
	if duration(asked) > 0 && (duration(got) == 0 || duration(got) > duration(asked)) {
		return fmt.Sprintf("Envoy has %q, and %v was asked", got, asked)
	}
	return ""
}

func plain(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
