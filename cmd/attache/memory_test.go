package main

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestTheMemoryLimitOfAContainer(t *testing.T) {
	for text, want := range map[string]int64{
		"536870912\n":           483183819,
		"max\n":                 0,
		"9223372036854771712\n": 0,
		"":                      0,
	} {
		if got, limited := memoryLimit(text); got != want || limited != (want > 0) {
			t.Errorf("%q gives %d, %v", text, got, limited)
		}
	}
}

// The collector keeps less garbage, unless somebody has said how much.
func TestAnOperatorDecidesAboutGarbage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	for _, c := range []struct {
		gogc, limit string
		want        int
	}{{"", "", steadyGarbage}, {"80", "", 100}, {"", "1GiB", 100}} {
		t.Setenv("GOGC", c.gogc)
		t.Setenv("GOMEMLIMIT", c.limit)
		debug.SetGCPercent(100)
		settleMemory()
		if got := debug.SetGCPercent(100); got != c.want {
			t.Errorf("with GOGC=%q and GOMEMLIMIT=%q it is %d%%, want %d%%", c.gogc, c.limit, got, c.want)
		}
	}
}

// What has been allocated is counted, and what the heap holds is more with it than without.
func TestTheBytesOfTheHeap(t *testing.T) {
	const size = 64 << 20
	debug.FreeOSMemory()
	allocated, held := heapBytes()
	large := make([]byte, size)
	allocatedAfter, heldAfter := heapBytes()
	if allocatedAfter-allocated < size || heldAfter < held+size/2 {
		t.Errorf("%d bytes make %d and %d into %d and %d", size, allocated, held, allocatedAfter, heldAfter)
	}
	runtime.KeepAlive(large)
	debug.FreeOSMemory()
	if _, left := heapBytes(); left > heldAfter-size/2 {
		t.Errorf("%d bytes that were given back leave %d of %d", size, left, heldAfter)
	}
}
