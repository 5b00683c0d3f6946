// Package effective is what follows from what is written: it resolves a snapshot
// into effective policies and compares two resolutions.
//
// Resolve folds what is in force on every path GatewayClass > Gateway >
// ListenerSet > Listener > Route > RouteRule with package merge, adds what the
// rules of a route state themselves, applies bounds, leaves out what means nothing
// on a kind of route, and checks the result against the kind's own schema. Every
// leaf of the result remembers who set it and what it beat. Diff compares two
// resolutions, Tally counts on how many paths a policy is in effect, and Restore
// makes a result of what was once published.
//
// Invariants: the package is pure (no I/O, no logging, no clock, no
// goroutines); results are immutable and shared between all paths that come to
// the same; output is sorted; the snapshot is never changed.
//
// It must not import the Go types of our own policy kinds, nor know one of them by
// name. A test of the repository checks it.
package effective
