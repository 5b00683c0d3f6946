package bench

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// BenchmarkCommandGet runs "kubectl effective-policy get -A -f FOLDER" as users do: processor time
// and the most memory that the process had.
func BenchmarkCommandGet(b *testing.B) {
	plugin := filepath.Join(b.TempDir(), "kubectl-effective_policy")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", plugin, "../../cmd/kubectl-effective_policy")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for _, n := range sizes(100, 2000, 10000) {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			folder := b.TempDir()
			manifests(b, folder, n)
			var used, peak int64
			for b.Loop() {
				c := exec.CommandContext(b.Context(), plugin, "get", "-A", "-f", folder)
				if out, err := c.Output(); err != nil || len(out) == 0 {
					b.Fatal(err)
				}
				u := c.ProcessState.SysUsage().(*syscall.Rusage)
				used += u.Utime.Nano() + u.Stime.Nano()
				peak = max(peak, u.Maxrss*1024)
			}
			measured(b, "cpu-ns/op", float64(used)/float64(b.N))
			measured(b, "peak-MB", float64(peak)/1e6)
		})
	}
}
