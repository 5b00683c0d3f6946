// Package cluster keeps a live snapshot of a cluster: the one place where
// objects of an API server become a policy.Snapshot.
//
// # How
//
// One metadata watch on CustomResourceDefinitions says which kinds exist. For
// each CRD that matters (a kind of Gateway API's hierarchy, a policy kind, a
// user's route kind, EffectivePolicy) the definition is read, and once it is
// Established a watch on its objects starts, in a version that the CRD serves.
// When the CRD goes, or says no longer that it is one of ours, the watch ends
// and its objects leave the snapshot. No kind has to exist, and a missing one
// never ends anything.
//
// All watches write into one queue. One goroutine takes what is there, folds it
// into the snapshot in one step, publishes the result, and tells subscribers
// what changed, with the snapshots before and after. Of an object nothing is
// kept but what the snapshot decoded, its version, and what we wrote there
// ourselves, so that whoever plans writes can see what is there already.
//
// # Invariants
//
//   - Snapshot is safe to call at any time, and never returns nil.
//   - The first snapshot with anything in it has everything in it: it is built
//     in one batch when every kind that exists has been listed. Synced says so.
//     Results are in no snapshot: WaitForResults says when they are known.
//   - A Batch that says nothing about an object means that the object's meaning
//     did not change; status written by gateways never makes a batch.
//   - There is no clock here: what is seen does not depend on when.
//
// # What it must not do
//
// Write anything to the cluster. Decide anything about policies. Import webhook
// or policy/controller.
package cluster
