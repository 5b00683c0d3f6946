package main

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

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
