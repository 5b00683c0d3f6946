// Package bench measures the engine, admission, the export and the command on large clusters, and
// reports how far each is from its target (targets_test.go). "make bench" runs it, and
// docs/benchmarks.md has the figures; "make bench-smoke" only checks that every benchmark runs.
//
// Timings are reported, never asserted: the machine on which they are taken is shared. What counts
// there is the processor time, which every benchmark reports, and ratios within one run.
package bench
