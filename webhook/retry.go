package webhook

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
)

// retryAfter is what undecided calls are told to wait. An API server does so
// within the webhook's timeout, up to ten times.
const retryAfter = time.Second

// leastTry is how much of the timeout has to be left for another try: time to
// decide what is decided quickly.
const leastTry = 500 * time.Millisecond

// retries knows since when an API server has been asking about a review. It asks
// again with the same uid, and its timeout counts from the first call. When that
// would end before another answer, it had better not ask: after a timeout it
// shows nothing but that, and else the reason that we give.
type retries struct{ since *lru.Cache }

// remembered is how many reviews are kept in mind. What is forgotten is only the
// better message.
const remembered = 1024

func newRetries() retries { return retries{lru.New(remembered)} }

// arrived returns when the first call about a review arrived.
func (r retries) arrived(uid types.UID, now time.Time) time.Time {
	if first, asked := r.since.Get(uid); asked {
		return first.(time.Time)
	}
	r.since.Add(uid, now)
	return now
}

// done forgets a review that was decided.
func (r retries) done(uid types.UID) { r.since.Remove(uid) }

// worthwhile says whether another try can still be answered in time. What took
// all the time that it may have would only take it once more.
func worthwhile(reason string, first, now time.Time, timeout time.Duration) bool {
	return reason != reasonDeadline && (timeout <= 0 || now.Sub(first)+retryAfter+leastTry+margin(timeout) < timeout)
}

// margin is what of the API server's timeout is left for the way there and back.
func margin(timeout time.Duration) time.Duration { return max(minMargin, timeout/10) }

// budget is how long a decision may take when an API server with a timeout has
// been asking for a while.
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
