package main

import (
	"context"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
)

// memoryFiles have the memory limit of a container: in control groups of version 2, and of version
// 1.
var memoryFiles = [...]string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// heedMemoryLimit makes the garbage collector work harder before the container's limit, at which
// the kernel would kill the process. The variable GOMEMLIMIT, which the runtime reads itself, takes
// precedence.
func heedMemoryLimit(log logr.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	for _, file := range memoryFiles {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if limit, limited := memoryLimit(string(text)); limited {
			debug.SetMemoryLimit(limit)
			log.V(1).Info("The garbage collector heeds the container's memory limit", "bytes", limit)
		}
		return
	}
}

// memoryLimit returns nine tenths of the limit in a file of a control group. In version 1, a very
// large number means no limit.
func memoryLimit(text string) (limit int64, limited bool) {
	bytes, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || bytes <= 0 || bytes > math.MaxInt64/2 {
		return 0, false
	}
	return bytes / 10 * 9, true
}

// steadyGarbage is how much garbage there may be, in percent of what is in use, once a manager has read
// the cluster: what it knows of it is large and stays, and little comes and goes.
const steadyGarbage = 50

// settleMemory makes the garbage collector keep less garbage from now on, unless the variables GOGC or
// GOMEMLIMIT, which the runtime reads itself, say how much.
func settleMemory() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(steadyGarbage)
	}
}

const (
	// calmEvery is how often to look whether a burst of work is over, calmBytes how much is allocated
	// in that time at most if it is.
	calmEvery = 3 * time.Second
	calmBytes = 12 << 20
	// worthwhile is how much more memory than after the last time there has to be to give some back.
	worthwhile = 16 << 20
)

// giveBack returns memory to the system when a burst of work is over, until ctx ends. The runtime keeps
// what it needed at the most, or gives it back slowly.
func giveBack(ctx context.Context) {
	tick := time.NewTicker(calmEvery)
	defer tick.Stop()
	var kept uint64
	allocated, _ := heapBytes()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		before := allocated
		var held uint64
		if allocated, held = heapBytes(); allocated-before > calmBytes || held < kept+worthwhile {
			continue
		}
		debug.FreeOSMemory()
		_, kept = heapBytes()
	}
}

// heapBytes returns how many bytes have been allocated so far, and how many the heap holds of the
// system's memory.
func heapBytes() (allocated, held uint64) {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	for _, s := range samples[1:] {
		held += s.Value.Uint64()
	}
	return samples[0].Value.Uint64(), held
}
