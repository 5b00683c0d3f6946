// Package cluster keeps a live snapshot of a cluster: the one place where
// objects of an API server become a policy.Snapshot.
//
// # How
//
// One metadata watch on CustomResourceDefinitions says which kinds exist. For each CRD that matters
// (a kind of Gateway API's hierarchy, a policy kind, a user's route kind, EffectivePolicy) the
// definition is read, and once it is Established a watch on its objects starts, in a version that
// the CRD serves. When the CRD is deleted, or is no longer a relevant one, the watch ends and its
// objects leave the snapshot. No kind has to exist, and a missing one is not an error. A watch begins
// with a list, which is read in one pass over its text. EffectivePolicy objects, the most by far, are
// listed when everything else is known.
//
// All watches write into one queue. One goroutine takes all events, applies them to the snapshot in
// one step, publishes the result, and tells subscribers what changed, with the snapshots before and
// after. Of an object, only the decoded form in the snapshot, its version, and what we wrote there
// ourselves is kept, so that planned writes can be compared with it.
//
// # Invariants
//
//   - Snapshot is safe to call at any time, and never returns nil.
//   - The first non-empty snapshot is complete: it is built in one batch when every existing kind
//     has been listed. Synced reports this. Results are in no snapshot: WaitForResults says when
//     they are known.
//   - If a Batch does not contain an object, the relevant part of the object did not change; status
//     written by Gateway implementations never causes a batch.
//   - There is no clock here: results do not depend on the time.
//
// # What it must not do
//
// Write anything to the cluster. Decide anything about policies. Import webhook
// or policy/controller.
package cluster
