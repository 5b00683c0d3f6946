package pace

import "time"

const (
	// MaxPause is the maximum time for which one refusal holds requests back.
	MaxPause = time.Minute
	// Slow is the mean time of an answer above which an API server counts as overloaded, unless it
	// was never much faster: half of the second that Kubernetes' own objective allows for a write.
	Slow = 500 * time.Millisecond
	// muchSlower is the factor by which the mean time may exceed the best mean, if that is more than
	// Slow.
	muchSlower = 4
)

// window is the number of requests that may be in flight. Callers pass the time.
type window struct {
	most float64
	size float64
	// reduced is when it was last reduced. Requests that began before that give no new information.
	reduced time.Time
	// until is when the next request may begin.
	until time.Time
	// mean is the recent mean time of an answer, best is its minimum; zero while not known.
	mean, best time.Duration
}

func newWindow(most int) window {
	return window{most: float64(max(most, 1)), size: float64(max(most, 1))}
}

// allows returns how many requests may be in flight.
func (w *window) allows(now time.Time) int {
	if now.Before(w.until) {
		return 0
	}
	return int(w.size)
}

// answered records a good answer.
func (w *window) answered(began, now time.Time) {
	took := max(now.Sub(began), 0)
	if w.mean == 0 {
		w.mean, w.best = took, took
	}
	w.mean += (took - w.mean) / 8
	w.best = min(w.best+(w.mean-w.best)/1024, w.mean) // an API server that moved away becomes the measure in time
	if w.mean > max(Slow, muchSlower*w.best) {
		w.reduce(began, now, 0.8)
		return
	}
	w.size = min(w.size+1/w.size, w.most)
}

// refused records that the API server is overloaded, and asked to wait.
func (w *window) refused(began, now time.Time, pause time.Duration) {
	if until := now.Add(min(max(pause, 0), MaxPause)); until.After(w.until) {
		w.until = until
	}
	w.reduce(began, now, 0.5)
}

// reduce makes it smaller, once for all requests that were in flight together.
func (w *window) reduce(began, now time.Time, by float64) {
	if !began.After(w.reduced) {
		return
	}
	w.size = max(w.size*by, 1)
	w.reduced = now
}
