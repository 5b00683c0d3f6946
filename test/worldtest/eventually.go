package worldtest

import (
	"testing"
	"time"
)

const (
	// patience is how long anything may take: long enough for the slowest machine, because nobody
	// waits for it unless a test fails.
	patience = 30 * time.Second
	// step is the time between two looks.
	step = 2 * time.Millisecond
)

// Eventually waits until something is so, and fails the test if it does not become so. It is for what
// no event tells of; where there is a channel or a watch, wait for that.
func Eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	look := time.NewTicker(step)
	defer look.Stop()
	for !is() {
		select {
		case <-end.C:
			t.Fatalf("after %s it is still not so: %s", patience, what)
		case <-t.Context().Done():
			t.Fatalf("the test ended before it was so: %s", what)
		case <-look.C:
		}
	}
}
