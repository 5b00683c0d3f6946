// Package policy represents what users have written: it recognises policy kinds by their CRDs,
// parses policies, keeps a snapshot of everything that is known at one moment, and determines which
// policy is in force at which target.
//
// A Snapshot holds the graph of package hierarchy, the policy kinds that CRDs describe, and the
// policies. It is immutable; With and Without make a new one that shares what did not change.
// Acceptances says whether a policy is accepted at each of its targets, InForce what applies at a
// target, and Touched which routes and Gateways depend on an object. Package effective derives the
// effective policies from this.
//
// Invariants: the package is pure (no I/O, no logging, no clock, no goroutines), so the webhook,
// the controller and the command line give the same answers; all input is unstructured, is decoded
// once, and is not kept; a Snapshot depends on the objects that it was given, but neither on their
// order nor on earlier versions, with one exception: an object whose kind no CRD has defined yet is
// passed over, and has to be given again after its CRD, unless both come in one call; output is
// sorted; inputs are never changed.
//
// It must not import the Go types of our own policy kinds: all it knows about TimeoutPolicy is what
// the CRD says, so that a kind of anybody else is treated like ours. A test checks this.
package policy
