package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/attache-dev/attache/policy/request"
	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
)

// limiter holds the buckets. One that is full again holds nothing that a new one
// would not, so it is thrown away when there are many.
type limiter struct {
	lock    sync.Mutex
	buckets map[string]*rate.Limiter
	sweep   int
}

const manyBuckets = 10_000

// take takes a token from every limit, or from none. It returns the name of the
// limit that refuses, and when to come back.
func (l *limiter) take(limits []annotation.Limit, hit *request.Hit, r *http.Request, now time.Time) (refused *annotation.Limit, wait time.Duration) {
	l.lock.Lock()
	defer l.lock.Unlock()
	var taken []*rate.Reservation
	for i := range limits {
		reservation := l.bucket(&limits[i], hit, r).ReserveN(now, 1)
		taken = append(taken, reservation)
		if wait = reservation.DelayFrom(now); !reservation.OK() || wait > 0 {
			for _, t := range taken {
				t.CancelAt(now)
			}
			return &limits[i], wait
		}
	}
	return nil, 0
}

// bucket finds the bucket of a limit: of which policy it is, what shares a counter,
// and who is counted apart. A limit that changes its numbers keeps its bucket.
func (l *limiter) bucket(of *annotation.Limit, hit *request.Hit, r *http.Request) *rate.Limiter {
	route := hit.Route.Meta().Ref.String()
	shared := map[string]string{
		"Gateway": "", "Route": route, "Rule": fmt.Sprint(route, hit.Rule, hit.Listener.Ref),
	}[of.Counter]
	who := of.Key
	if name, ok := strings.CutPrefix(of.Key, "Header:"); ok {
		who = strings.Join(r.Header.Values(name), ",")
	} else if of.Key == "ClientIP" {
		who, _, _ = net.SplitHostPort(r.RemoteAddr)
	}
	id := strings.Join([]string{of.From.String(), of.Name, of.Counter, hit.Listener.Gateway.Place(), shared, who}, "\x00")
	b := l.buckets[id]
	if b == nil {
		b = rate.NewLimiter(rate.Limit(of.Rate), of.Size)
		l.clean()
		l.buckets[id] = b
	}
	b.SetLimit(rate.Limit(of.Rate))
	b.SetBurst(of.Size)
	return b
}

func (l *limiter) clean() {
	if len(l.buckets) < max(manyBuckets, l.sweep) {
		return
	}
	for id, b := range l.buckets {
		if b.Tokens() >= float64(b.Burst()) {
			delete(l.buckets, id)
		}
	}
	l.sweep = 2 * len(l.buckets)
}
