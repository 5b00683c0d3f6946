package bench

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// processor starts to count the processor time of the whole process, garbage collection
// included, and what it allocates. The function that it returns reports both for each operation:
// on a shared machine the processor time says more than the time on the clock.
func processor(b *testing.B) func() {
	b.Helper()
	b.ReportAllocs()
	start, had := spent(b), allocated()
	return func() {
		n := float64(b.N)
		measured(b, "cpu-ns/op", float64(spent(b)-start)/n)
		record(b, "B/op", float64(allocated()-had)/n)
	}
}

func spent(b *testing.B) int64 {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// measured reports a figure, for the table of targets as well.
func measured(b *testing.B, unit string, value float64) {
	b.Helper()
	b.ReportMetric(value, unit)
	record(b, unit, value)
}

// latencies are the durations of single operations.
type latencies []time.Duration

func (l *latencies) time(operation func()) {
	start := time.Now()
	operation()
	*l = append(*l, time.Since(start))
}

// at is the duration that a share of the operations stay below.
func (l latencies) at(share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(l))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func (l latencies) report(b *testing.B) {
	b.Helper()
	measured(b, "p50-ns", float64(l.at(0.50)))
	measured(b, "p99-ns", float64(l.at(0.99)))
}
