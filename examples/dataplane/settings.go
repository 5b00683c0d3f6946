package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
	"github.com/attache-dev/attache/policy/v1alpha1/annotation"
)

// routeSettings are the settings of a route, as its annotation has them.
type routeSettings struct {
	annotation *annotation.Annotation
	of         map[*annotation.Scope]*annotation.Values
	// unserved says that the route must not be taken up: what applies to it cannot be read or is
	// withheld, and nothing was known before.
	unserved bool
}

// at returns what applies on a listener to a rule; never nil.
func (r routeSettings) at(l *hierarchy.Listener, rule int) *annotation.Values {
	if r.annotation != nil {
		if scope := r.annotation.For(parentOf(l), rule); scope != nil {
			return r.of[scope]
		}
	}
	return &annotation.Values{}
}

// parentOf names a listener as the annotation does.
func parentOf(l *hierarchy.Listener) annotation.Parent {
	return annotation.Parent{Gateway: annotation.Name{NamespacedName: l.Gateway.NamespacedName}, ListenerSet: annotation.Name{NamespacedName: l.ListenerSet.NamespacedName}, Listener: l.Spec.Name}
}

// read reads what applies to a route. What cannot be read leaves what was known before.
func (s *state) read(before *state, route *hierarchy.Route, log *slog.Logger) routeSettings {
	ref := route.Meta().Ref
	text := s.objects[ref].GetAnnotations()[annotation.Key]
	if text == "" {
		return routeSettings{}
	}
	names := make([]string, len(route.Rules))
	for i := range route.Rules {
		names[i] = route.Rules[i].Name
	}
	a, err := annotation.Read(text, route.Meta().Generation, names, func(name string) (json.RawMessage, error) {
		object := s.objects[hierarchy.NewRef("attache.dev", "EffectivePolicy", ref.Namespace, name)]
		if object == nil {
			return nil, fmt.Errorf("EffectivePolicy %s is not there", name)
		}
		return json.Marshal(object.Object["status"])
	})
	read := routeSettings{annotation: a, of: map[*annotation.Scope]*annotation.Values{}}
	for i := 0; err == nil && i < len(a.Scopes); i++ {
		read.of[&a.Scopes[i]], err = settingsOf(&a.Scopes[i])
	}
	if err == nil {
		return read
	}
	log.Warn("what applies cannot be taken up", "route", ref.String(), "reason", err)
	if before != nil {
		if last, known := before.settings[ref]; known {
			return last
		}
	}
	return routeSettings{unserved: true}
}

// settingsOf reads what is enforced here, and decides what nobody states: which failures are tried
// again, and how long to wait.
func settingsOf(scope *annotation.Scope) (*annotation.Values, error) {
	v, err := scope.Values()
	if v.Retries.On == nil {
		v.Retries.On = []string{"gateway-error", "connect-failure"}
	}
	if v.Retries.Base == 0 {
		v.Retries.Base = 25 * time.Millisecond
	}
	return &v, err
}

// limiter holds the buckets. One that is full again holds nothing that a new one would not, so it
// is thrown away when there are many.
type limiter struct {
	lock    sync.Mutex
	buckets map[string]*rate.Limiter
	sweep   int
}

const manyBuckets = 10_000

// take takes a token from every limit, or from none. It returns the limit that refuses, and when to
// come back.
func (l *limiter) take(limits []annotation.Limit, hit *request.Hit, r *http.Request, now time.Time) (refused *annotation.Limit, wait time.Duration) {
	l.lock.Lock()
	defer l.lock.Unlock()
	var taken []*rate.Reservation
	for i := range limits {
		id := limits[i].Bucket(parentOf(hit.Listener), hit.Route.Meta().Ref.String(), hit.Rule, r)
		reservation := l.bucket(id, &limits[i]).ReserveN(now, 1)
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

// bucket finds a bucket, which follows when the limit changes its numbers.
func (l *limiter) bucket(id string, of *annotation.Limit) *rate.Limiter {
	b := l.buckets[id]
	if b == nil {
		b = rate.NewLimiter(rate.Limit(of.Rate), of.Size)
		if len(l.buckets) >= l.sweep {
			maps.DeleteFunc(l.buckets, func(_ string, b *rate.Limiter) bool { return b.Tokens() >= float64(b.Burst()) })
			l.sweep = max(manyBuckets, 2*len(l.buckets))
		}
		l.buckets[id] = b
	}
	b.SetLimit(rate.Limit(of.Rate))
	b.SetBurst(of.Size)
	return b
}
