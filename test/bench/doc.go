// Package bench measures the engine, admission, the export and the command on large clusters, and
// says how far each is from what we want of it (targets_test.go). "make bench" runs it, and
// docs/benchmarks.md holds the figures; "make bench-smoke" only sees that every benchmark runs.
//
// Timings are looked at, never asserted: the machine they run on is shared. What counts there is the
// processor time, which every benchmark reports, and ratios within one run.
package bench
