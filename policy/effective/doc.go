// Package effective derives effective policies from what users have written: it resolves a snapshot
// and compares two resolutions.
//
// Resolve folds what is in force on every path GatewayClass > Gateway > ListenerSet > Listener >
// Route > RouteRule with package merge, adds the values that the rules of a route state themselves,
// applies bounds, removes fields that have no effect on the kind of route, and checks the result
// against the kind's own schema. Every leaf of the result remembers who set it and what it beat.
// Diff compares two resolutions, Tally counts on how many paths a policy is in effect, and Restore
// recreates a result from what was published.
//
// Invariants: the package is pure (no I/O, no logging, no clock, no goroutines); results are
// immutable and shared between all paths with the same result; output is sorted; the snapshot is
// never changed.
//
// It must not import the Go types of our own policy kinds, and must not know any of them by name. A
// test of the repository checks it.
package effective
