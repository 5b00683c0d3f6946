// Package webhook answers the API server's admission reviews with the engine.
//
// # Purpose
//
// It turns an AdmissionReview (admission.k8s.io/v1) into an edit of the snapshot that the manager
// keeps in memory, asks the engine what follows, and writes the answer. There are two handlers. The
// mutating one writes the annotation with the effective policy on a route or a Gateway in the same
// write that makes it exist. The validating one refuses what a CRD cannot check: an invalid target,
// a policy on a GatewayClass in a namespace that may not target one, a merged result that is newly
// invalid, a hand-written EffectivePolicy. [Server] serves both with TLS and ends without losing
// calls.
//
// # Three ways to answer
//
//   - Yes, perhaps with warnings: a review with allowed true.
//   - No: a review with allowed false, code 403 or 422, a message for people, and
//     one cause with a field path for each problem in status.details.causes.
//   - "I cannot tell": HTTP 503 with Retry-After: 1 and mostly Connection: close, never a denial.
//     The API server retries, most likely at another replica, and if that fails too, the configured
//     failurePolicy decides. This is the answer while the first list of objects is incomplete, when
//     too many requests wait, when time runs out, after a panic, and at the end of a shutdown.
//     Retry-After is left out when the API server's own timeout, which counts from its first call,
//     would end before another answer: kube-apiserver 1.37 then shows our reason, and otherwise
//     only "context deadline exceeded". It is also left out when the review used up its time: it
//     would do so again.
//
// A request that cannot be read (not JSON, not a review, over [MaxBody]) gets HTTP 4xx. Every
// answer that is not a review is a Status object, because an API server shows its message to the
// user.
//
// # Invariants
//
//   - Deciding has no side effect, so a dry run gets the same answer as the write itself. It makes
//     no API calls, except that Options.MayRead may ask what the author may read; this affects what
//     an answer reveals, never the decision.
//   - The mutating handler's patch only changes the annotations that are reserved for attache. It
//     is a pure function of the object and the snapshot, and does not depend on the previous
//     content of the reserved annotations.
//   - Only new problems deny. An edit of another field of an object that already has a problem
//     passes. Package evaluate has the details.
//   - The namespace controller and the garbage collector are never blocked, and neither are writes
//     on an object that is being deleted, except of its spec.
//   - At most Options.Concurrency reviews are decided at a time, and at most Options.Queue wait.
//     Namespaces share the time: none gets more than half of it while others wait, and namespaces
//     that used little do not wait for long reviews of those that used much. Time is limited by the
//     timeout that the API server passes along, minus a margin, so that our answer arrives before
//     it gives up. A shutdown of the server does not cancel a decision; the end of the call does,
//     because nobody would get the answer.
//
// # Why a stale annotation does not deny
//
// The validating handler computes the annotation again, because it sees the final object, after all
// other mutating webhooks. It does not deny a mismatch; it warns. Two replicas see the same cluster
// at slightly different moments, so the replica that validates can honestly disagree with the one
// that mutated, and nothing in the value proves who wrote it. Denying would fail valid writes, just
// when policies change most. Nothing relies on the annotation being correct at every moment: no
// component of ours reads it, and the controller corrects it as soon as it differs.
//
// # What it must not do
//
// Import the controller or the cluster source; call the API server; decide on a
// snapshot that is not complete; take an annotation or a status as input.
package webhook
