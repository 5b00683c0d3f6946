// Package policy is what is written: it recognises policy kinds by their CRDs,
// parses policies, keeps the snapshot of everything that is known at one moment,
// and says which policy is in force at which target.
//
// A Snapshot holds the graph of package hierarchy, the policy kinds that CRDs
// describe, and the policies. It is immutable; With and Without make a new one
// that shares what did not change. Acceptances says what became of each target of
// a policy, InForce what applies at a target, and Touched which routes and
// Gateways depend on an object. What follows from all this, the effective
// policies, is package effective.
//
// Invariants: the package is pure (no I/O, no logging, no clock, no
// goroutines), so the webhook, the controller and the command line give the
// same answers; everything enters as unstructured objects, is decoded once and
// not kept; a Snapshot depends on the objects that it was given and not on their
// order, nor on what they were before, with one exception: an object of a kind
// that no CRD has told of is passed over, and has to be given again after its
// CRD, unless both come in one call; output is sorted; inputs are never changed.
//
// It must not import the Go types of our own policy kinds: what it knows of
// TimeoutPolicy is what TimeoutPolicy's CRD says, so anybody's kind is worth as
// much as ours. A test of the repository checks it.
package policy
