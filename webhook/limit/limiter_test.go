package limit

import (
	"context"
	"testing"
	"time"
)

// line is a limiter with a clock of its own.
type line struct {
	*testing.T
	*Limiter
	clock time.Time
}

func newLine(t *testing.T, slots, queue int) *line {
	l := &line{t, New(slots, queue), time.Unix(0, 0)}
	l.now = func() time.Time { return l.clock }
	return l
}

// hasCome reports whether a turn has come.
func hasCome(t *Turn) bool {
	select {
	case <-t.ready:
		return true
	default:
		return false
	}
}

func (l *line) expect(t *Turn, come bool) {
	l.Helper()
	if t == nil || hasCome(t) != come {
		l.Errorf("the turn has come: %v, want %v", !come, come)
	}
}

// decide takes a turn that has come, and ends it after a time.
func (l *line) decide(t *Turn, took time.Duration) {
	l.Helper()
	l.expect(t, true)
	l.clock = l.clock.Add(took)
	l.Leave(t)
}

func TestAShareHasHalfOfTheSlots(t *testing.T) {
	l := newLine(t, 4, 64)
	var a []*Turn
	for range 4 {
		a = append(a, l.wait("a", time.Time{}))
	}
	l.expect(a[1], true)
	l.expect(a[2], false)
	b := l.wait("b", time.Time{})
	l.expect(b, true)
	l.decide(a[0], time.Millisecond)
	l.expect(a[2], true)
}

// The heavy ones, however many they are, leave a slot to the others.
func TestHeavySharesLeaveASlot(t *testing.T) {
	l := newLine(t, 2, 64)
	for _, name := range []string{"a", "b", "c"} {
		l.decide(l.wait(name, time.Time{}), 2*time.Second)
	}
	a, b := l.wait("a", time.Time{}), l.wait("b", time.Time{})
	l.expect(a, true)
	l.expect(b, false)
	light := l.wait("light", time.Time{})
	l.expect(light, true)
	l.decide(light, time.Millisecond)
	l.expect(b, false)
	l.clock = l.clock.Add(time.Minute) // they are heavy no more
	c := l.wait("c", time.Time{})
	l.expect(c, false) // b came first
	l.expect(b, true)
	l.decide(a, 0)
	l.expect(c, true)
}

func TestTheTurnGoesToWhoUsedLeast(t *testing.T) {
	l := newLine(t, 1, 64)
	l.decide(l.wait("busy", time.Time{}), 500*time.Millisecond)
	now := l.wait("now", time.Time{})
	busy, idle := l.wait("busy", time.Time{}), l.wait("idle", time.Time{})
	l.decide(now, time.Millisecond)
	l.expect(idle, true)
	l.expect(busy, false)
	l.decide(idle, time.Millisecond)
	l.expect(busy, true)
}

func TestWhoDoesNotWaitAnyMoreTakesNoSlot(t *testing.T) {
	l := newLine(t, 1, 4)
	first := l.wait("a", time.Time{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if l.Enter(ctx, "b") != nil {
		t.Error("it got a slot that is not free")
	}
	l.Leave(first)
	l.decide(l.wait("c", time.Time{}), 0)
	if l.running != 0 || len(l.shares) > 0 {
		t.Errorf("%d run, %d shares", l.running, len(l.shares))
	}
}

func TestOneShareDoesNotFillTheQueue(t *testing.T) {
	l := newLine(t, 1, 4)
	var list []*Turn
	for range 8 {
		if turn := l.wait("a", time.Time{}); turn != nil {
			list = append(list, turn)
		}
	}
	if len(list) != 4 { // one decides, three wait
		t.Errorf("%d of one share got in", len(list))
	}
	if l.wait("b", time.Time{}) == nil {
		t.Error("there is no place for another share")
	}
}

func TestBodiesAreBoundedTogether(t *testing.T) {
	const large = 6 << 20
	l := newLine(t, 2, 64)
	n := 0
	for l.Arrive(large) {
		n++
	}
	if n != maxBytes/large {
		t.Errorf("%d of the largest bodies", n)
	}
	l.Depart(large)
	if !l.Arrive(large) {
		t.Error("a place is not free again")
	}
}

// A slot that is kept free from short reviews would be idle when everybody asks for much.
func TestSharesWithShortReviewsHaveAllSlots(t *testing.T) {
	l := newLine(t, 2, 64)
	for range 500 {
		for _, name := range []string{"a", "b"} {
			l.decide(l.wait(name, time.Time{}), 10*time.Millisecond)
		}
	}
	a, b := l.wait("a", time.Time{}), l.wait("b", time.Time{})
	l.expect(a, true)
	l.expect(b, true)
}

func TestNobodyBeginsWithoutEnoughTime(t *testing.T) {
	l := newLine(t, 1, 64)
	for range 20 { // so long a review of this share takes
		l.decide(l.wait("a", time.Time{}), 500*time.Millisecond)
	}
	first := l.wait("a", time.Time{})
	short := l.wait("a", l.clock.Add(900*time.Millisecond))
	long := l.wait("a", l.clock.Add(2*time.Second))
	l.decide(first, 500*time.Millisecond)
	l.expect(short, true) // told, and has no slot
	if !short.began.IsZero() {
		t.Error("it begins with 400 ms, where reviews take 500 ms")
	}
	l.decide(long, 500*time.Millisecond)
	if l.running != 0 || len(long.share.waiting) > 0 {
		t.Errorf("%d run, %d wait", l.running, len(long.share.waiting))
	}
}

// A review that needs all the time that it may have is tried all the same.
func TestWhatTakesVeryLongIsTried(t *testing.T) {
	l := newLine(t, 1, 64)
	for range 20 {
		l.decide(l.wait("a", l.clock.Add(2*time.Second)), 2*time.Second)
	}
}

func TestTheLastComesFirstWhenTheFirstIsLate(t *testing.T) {
	l := newLine(t, 1, 64)
	running := l.wait("a", time.Time{})
	list := []*Turn{l.wait("a", l.clock.Add(2*time.Second)), l.wait("a", l.clock.Add(2*time.Second))}
	l.clock = l.clock.Add(time.Second)
	list = append(list, l.wait("a", l.clock.Add(2*time.Second)))
	l.decide(running, 100*time.Millisecond)
	l.expect(list[0], false)
	l.decide(list[2], 500*time.Millisecond)
	l.decide(list[1], time.Millisecond)
	l.decide(list[0], time.Millisecond)
}

// Who gives up at the moment at which a slot comes leaves it to others.
func TestASlotThatComesTooLateIsFree(t *testing.T) {
	l := New(1, 4)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if l.Enter(ctx, "a") != nil {
			t.Fatal("it has a turn, and nobody wants it")
		}
	}
	if l.running != 0 || len(l.shares) > 0 {
		t.Errorf("%d run, %d shares", l.running, len(l.shares))
	}
}
