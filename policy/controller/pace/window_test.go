package pace

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is where the time of these tests comes from.
type clock struct{ now time.Time }

func (c *clock) pass(d time.Duration) time.Time {
	c.now = c.now.Add(d)
	return c.now
}

func TestRefusalsHalveAndGoodAnswersAddOneARound(t *testing.T) {
	c := clock{time.Unix(1000, 0)}
	w := newWindow(8)
	began := c.now
	c.pass(10 * time.Millisecond)
	for range 8 { // all of them were under way together
		w.refused(began, c.now, 0)
	}
	if got := w.allows(c.now); got != 4 {
		t.Fatalf("eight refusals of one moment leave %d, want 4", got)
	}
	for range 4 {
		began = c.now
		w.answered(began, c.pass(time.Millisecond))
	}
	if got := w.allows(c.now); got != 4 {
		t.Errorf("before a whole round is answered it allows %d, want 4", got)
	}
	began = c.now
	w.answered(began, c.pass(time.Millisecond))
	if got := w.allows(c.now); got != 5 {
		t.Errorf("after a round of good answers it allows %d, want 5", got)
	}
}

func TestNothingBeginsBeforeTheTimeThatARefusalAskedFor(t *testing.T) {
	c := clock{time.Unix(1000, 0)}
	w := newWindow(8)
	w.refused(c.now, c.now, 7*time.Second)
	w.refused(c.now, c.now, time.Second) // a shorter wish does not shorten it
	if got := w.allows(c.pass(7*time.Second - time.Nanosecond)); got != 0 {
		t.Errorf("%d requests may go too soon", got)
	}
	if got := w.allows(c.pass(time.Nanosecond)); got != 4 {
		t.Errorf("then %d may go, want 4", got)
	}
	w.refused(c.now, c.now, 24*time.Hour)
	if got := w.allows(c.pass(MaxPause)); got == 0 {
		t.Error("a refusal holds everything back for longer than MaxPause")
	}
}

func TestAnswersThatBecomeSlowReduceAndAFarServerDoesNot(t *testing.T) {
	c := clock{time.Unix(1000, 0)}
	w := newWindow(16)
	ask := func(took time.Duration, times int) {
		for range times {
			began := c.now
			w.answered(began, c.pass(took))
		}
	}
	ask(20*time.Millisecond, 50)
	ask(300*time.Millisecond, 50)
	if got := w.allows(c.now); got != 16 {
		t.Errorf("answers within the objective leave %d, want 16", got)
	}
	ask(3*time.Second, 30)
	if got := w.allows(c.now); got != 1 {
		t.Errorf("answers of three seconds leave %d, want 1", got)
	}
	far := newWindow(16)
	for range 50 {
		began := c.now
		far.answered(began, c.pass(900*time.Millisecond))
	}
	if got := far.allows(c.now); got != 16 {
		t.Errorf("a server that always takes 900 ms is asked by %d at a time, want 16", got)
	}
}

// Whatever an API server answers, the limit stays within its bounds, no pause is longer than MaxPause,
// and after enough good answers everything is as it was.
func TestAnyHistoryStaysWithinBoundsAndIsRecoveredFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 64).Draw(t, "most")
		c := clock{time.Unix(1000, 0)}
		w := newWindow(most)
		duration := func(label string, longest time.Duration) time.Duration {
			return time.Duration(rapid.Int64Range(-int64(time.Second), int64(longest)).Draw(t, label))
		}
		for range rapid.IntRange(0, 200).Draw(t, "answers") {
			began := c.now.Add(-duration("took", time.Minute))
			c.pass(max(duration("passes", time.Second), 0))
			if rapid.Bool().Draw(t, "refused") {
				w.refused(began, c.now, duration("pause", time.Hour))
			} else {
				w.answered(began, c.now)
			}
			if w.size < 1 || w.size > float64(most) {
				t.Fatalf("it allows %v of %d", w.size, most)
			}
			if got := w.allows(c.now.Add(MaxPause)); got < 1 || got > most {
				t.Fatalf("after the longest pause it allows %d of %d", got, most)
			}
		}
		for range most*most + 200 {
			began := c.pass(MaxPause)
			w.answered(began, c.pass(5*time.Millisecond))
		}
		if got := w.allows(c.now); got != most {
			t.Fatalf("after good answers it allows %d of %d", got, most)
		}
	})
}
