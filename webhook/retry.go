package webhook

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
)

// retryAfter is the value of Retry-After for undecided calls. An API server retries within the
// webhook's timeout, up to ten times.
const retryAfter = time.Second

// leastTry is the part of the timeout that has to be left for another try: enough for a quick
// decision.
const leastTry = 500 * time.Millisecond

// retries records since when an API server has been sending a review that could not be decided. It
// retries with the same uid, and its timeout counts from the first call. If that would end before
// another answer, it should not retry: after a timeout it only reports the timeout, and otherwise our
// reason.
type retries struct{ since *lru.Cache }

// remembered is the maximum number of recorded reviews. If one is dropped, only the better message
// is lost.
const remembered = 1024

func newRetries() retries { return retries{lru.New(remembered)} }

// arrived returns when the first call about a review arrived: now, if none was refused.
func (r retries) arrived(uid types.UID, now time.Time) time.Time {
	if r.since.Len() == 0 {
		return now
	}
	if first, asked := r.since.Get(uid); asked {
		return first.(time.Time)
	}
	return now
}

// refused records a call that was not decided, and returns when the first one about its review arrived.
func (r retries) refused(uid types.UID, arrived time.Time) time.Time {
	first := r.arrived(uid, arrived)
	r.since.Add(uid, first)
	return first
}

// done forgets a review that was decided.
func (r retries) done(uid types.UID) {
	if r.since.Len() > 0 {
		r.since.Remove(uid)
	}
}

// worthwhile reports whether another try can still be answered in time. A review that used up its
// time would only do so again.
func worthwhile(reason string, first, now time.Time, timeout time.Duration) bool {
	return reason != reasonDeadline && (timeout <= 0 || now.Sub(first)+retryAfter+leastTry+margin(timeout) < timeout)
}

// margin returns the part of the API server's timeout that is reserved for the network.
func margin(timeout time.Duration) time.Duration { return max(minMargin, timeout/10) }

// budget returns how long a decision may take, given the timeout of an API server and the time
// since its first call.
func (h *Handlers) budget(timeout, passed time.Duration) time.Duration {
	if timeout <= 0 {
		return h.options.Deadline
	}
	left := timeout - passed - margin(timeout)
	if left <= 0 {
		left = max(0, timeout-passed) / 2
	}
	return min(left, h.options.Deadline)
}
