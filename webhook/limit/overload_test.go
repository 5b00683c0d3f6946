package limit

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// reviews are those of a simulation: who asks, how long one takes, and for how long its answer is
// wanted.
type reviews struct {
	name   string
	slots  int
	shares int
	takes  func(*rand.Rand) time.Duration
	mean   time.Duration
	wanted time.Duration
	// idle is how many of the slots are kept free of reviews that take long.
	idle int
}

// evenly and unevenly are how reviews take a time in the mean.
func evenly(mean time.Duration) func(*rand.Rand) time.Duration {
	return func(*rand.Rand) time.Duration { return mean }
}

func unevenly(mean time.Duration) func(*rand.Rand) time.Duration {
	return func(r *rand.Rand) time.Duration { return time.Duration(r.ExpFloat64() * float64(mean)) }
}

// Ten times as many reviews as can be decided leave four fifths of the time of all slots to reviews
// that are decided while somebody wants that. The clock is simulated.
func TestTenTimesTooMuchIsDecidedInTime(t *testing.T) {
	for _, r := range []reviews{
		{name: "short", slots: 2, shares: 20, takes: evenly(10 * time.Millisecond), mean: 10 * time.Millisecond, wanted: 2 * time.Second},
		{name: "short and uneven", slots: 2, shares: 20, takes: unevenly(10 * time.Millisecond), mean: 10 * time.Millisecond, wanted: 2 * time.Second},
		{name: "of two", slots: 2, shares: 2, takes: unevenly(10 * time.Millisecond), mean: 10 * time.Millisecond, wanted: 2 * time.Second},
		{name: "of very many", slots: 4, shares: 3000, takes: unevenly(20 * time.Millisecond), mean: 20 * time.Millisecond, wanted: 2 * time.Second},
		{name: "hasty", slots: 2, shares: 20, takes: unevenly(50 * time.Millisecond), mean: 50 * time.Millisecond, wanted: 500 * time.Millisecond},
		{name: "long", slots: 4, shares: 20, takes: evenly(500 * time.Millisecond), mean: 500 * time.Millisecond, wanted: 2 * time.Second, idle: 1},
		{name: "long and many", slots: 16, shares: 20, takes: evenly(800 * time.Millisecond), mean: 800 * time.Millisecond, wanted: 2 * time.Second, idle: 1},
	} {
		t.Run(r.name, func(t *testing.T) {
			s := simulate(r, time.Minute)
			share := s.useful.Seconds() / (float64(r.slots-r.idle) * s.now.Sub(time.Unix(0, 0)).Seconds())
			t.Logf("%d decided of %d that came, %d too late; %.0f %% of the time", s.decided, s.came, s.late, 100*share)
			if share < .8 {
				t.Errorf("%.0f %% of the time of the slots went into decisions that somebody heard of", 100*share)
			}
			if s.Here() != 0 || s.running != 0 {
				t.Errorf("in the end %d are here and %d run", s.Here(), s.running)
			}
		})
	}
}

// simulation is a limiter, the clock and what is going to happen.
type simulation struct {
	*Limiter
	now     time.Time
	events  events
	waiting map[*Turn]time.Duration // what each takes

	came, decided, late int
	useful              time.Duration
}

// event is what happens at a time.
type event struct {
	at time.Time
	do func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (s *simulation) at(when time.Time, do func()) { heap.Push(&s.events, event{when, do}) }

// simulate has reviews come at random, ten times as many as the slots can decide.
func simulate(r reviews, during time.Duration) *simulation {
	s := &simulation{Limiter: New(r.slots, 64), now: time.Unix(0, 0), waiting: map[*Turn]time.Duration{}}
	s.Limiter.now = func() time.Time { return s.now }
	random := rand.New(rand.NewPCG(1, 2))
	end, rate := s.now.Add(during), 10*float64(r.slots)/r.mean.Seconds()
	var next func()
	next = func() {
		s.arrive(fmt.Sprint("share ", random.IntN(r.shares)), r.takes(random), r.wanted)
		if pause := time.Duration(random.ExpFloat64() / rate * float64(time.Second)); s.now.Add(pause).Before(end) {
			s.at(s.now.Add(pause), next)
		}
	}
	s.at(s.now, next)
	for len(s.events) > 0 {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
		s.begin()
	}
	return s
}

func (s *simulation) arrive(share string, takes, wanted time.Duration) {
	s.came++
	if !s.Arrive(1) {
		return
	}
	t := s.wait(share, s.now.Add(wanted))
	if t == nil {
		s.Depart(1)
		return
	}
	s.waiting[t] = takes
	s.at(t.until, func() {
		if _, waits := s.waiting[t]; waits {
			delete(s.waiting, t)
			s.renounce(t)
			s.Depart(1)
		}
	})
}

// begin begins what has a slot now, and lets go who was told that there will be none.
func (s *simulation) begin() {
	for t, takes := range s.waiting {
		if !hasCome(t) {
			continue
		}
		delete(s.waiting, t)
		if t.began.IsZero() {
			s.Depart(1)
			continue
		}
		ends := t.began.Add(takes)
		if inTime := !ends.After(t.until); inTime {
			s.decided++
			s.useful += takes
		} else { // it is cut short
			s.late++
			ends = t.until
		}
		s.at(ends, func() { s.Leave(t); s.Depart(1) })
	}
}
