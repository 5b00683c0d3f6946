package main

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/go-logr/logr"
)

// memoryFiles say how much memory a container may use: in control groups of
// version 2, and of version 1.
var memoryFiles = [...]string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// heedMemoryLimit has the garbage collector work harder before the container's
// limit, where the kernel would end the process. The variable GOMEMLIMIT, which
// the runtime reads itself, is left to have its way.
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

// memoryLimit is nine tenths of the limit in a file of a control group. Version 1
// says by a very large number that there is none.
func memoryLimit(text string) (limit int64, limited bool) {
	bytes, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || bytes <= 0 || bytes > math.MaxInt64/2 {
		return 0, false
	}
	return bytes / 10 * 9, true
}
