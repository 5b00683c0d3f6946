// Package policy recognises policy kinds, parses policies, resolves a snapshot
// into effective policies, and compares two resolutions.
//
// A Snapshot is everything that is known at one moment: the graph of package
// hierarchy, the policy kinds that CRDs describe, and the policies. It is
// immutable; With and Without make a new one that shares what did not change.
// Resolve folds what is attached on every path GatewayClass > Gateway >
// ListenerSet > Listener > Route > RouteRule with package merge, applies
// bounds, leaves out what means nothing on a kind of route, and checks the
// result against the kind's own schema. Diff compares two resolutions.
//
// Invariants: the package is pure (no I/O, no logging, no clock, no
// goroutines), so the webhook, the controller and the command line give the
// same answers; everything enters as unstructured objects, is decoded once and
// not kept; the order of input objects makes no difference; output is sorted;
// inputs are never changed.
//
// It must not import the Go types of our own policy kinds: what it knows of
// TimeoutPolicy is what TimeoutPolicy's CRD says, so anybody's kind is worth as
// much as ours. A test of the repository checks it.
package policy
