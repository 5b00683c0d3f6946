// Package webhook answers the API server's admission reviews with the engine.
//
// # Purpose
//
// It turns an AdmissionReview (admission.k8s.io/v1) into an edit of the
// snapshot that the manager keeps in memory, asks the engine what follows, and
// writes the answer. There are two handlers. The mutating one writes the
// annotation with the effective policy on a route or a Gateway in the same write
// that makes it exist. The validating one refuses what a CRD cannot see: a
// reference to something that is not a target, a policy on a GatewayClass from a
// namespace that may not, a merged result that is newly invalid, a hand-written
// EffectivePolicy. [Server] serves both with TLS and ends without losing calls.
//
// # Three ways to answer
//
//   - Yes, perhaps with warnings: a review with allowed true.
//   - No: a review with allowed false, code 403 or 422, a message for people, and
//     one cause with a field path for each problem in status.details.causes.
//   - "I cannot tell": HTTP 503 with Retry-After: 1 and mostly Connection: close, never a
//     denial. The API server tries again, most likely at another replica, and when
//     that fails too the failurePolicy that the operator chose decides. This is
//     the answer while the first list of objects is still coming in, when too many
//     requests wait, when time runs out, after a panic, and at the very end of a
//     shutdown. Retry-After is left out when the API server's own timeout, which
//     counts from its first call, would end before another answer: kube-apiserver
//     1.37 then shows our reason, and else nothing but "context deadline exceeded".
//     It is left out, too, when the review took all its time: it would do so again.
//
// What cannot be read at all (not JSON, not a review, over [MaxBody]) is HTTP 4xx.
// Every answer that is not a review is a Status object, because an API server
// shows its message to the person who waits.
//
// # Invariants
//
//   - Deciding has no side effect, so a dry run gets the same answer as the write
//     itself. It makes no API call, but that Options.MayRead may ask what the author
//     may read; that changes how much an answer tells, never what it decides.
//   - The mutating handler's patch touches the annotations that are reserved for
//     attache and nothing else. It is a pure function of the object and the
//     snapshot, and does not depend on what the reserved annotations said before.
//   - Only what is new denies. An edit of an object that was already wrong, of
//     something else in it, goes through. Package guardrail says how that is meant.
//   - The namespace controller and the garbage collector are never held up, nor is
//     any write on an object that is being deleted but one of its spec.
//   - No more than Options.Concurrency reviews are decided at a time, and no more
//     than Options.Queue wait. Namespaces share the time: none has more than half
//     of it while others wait, and those that used little wait for no long review
//     of those that used much. Time is limited by the timeout that the API server passes along, minus
//     a margin, so that our answer comes before it gives up. The end of the server
//     does not cut a decision short; the end of the call does, for nobody would
//     hear of it.
//
// # Why a stale annotation does not deny
//
// The validating handler computes the annotation again, for it sees the final
// object, after all other mutating webhooks. It does not deny a mismatch; it
// warns. Two replicas see the same cluster at slightly different moments, so the
// replica that validates can honestly disagree with the one that mutated, and
// nothing in the value proves who wrote it. Denying would fail writes of people
// who did nothing wrong, just when policies change most. Nothing relies on the
// annotation being right for longer than a moment: no component of ours reads it,
// and the controller puts it right as soon as it differs.
//
// # What it must not do
//
// Import the controller or the cluster source; call the API server; decide on a
// snapshot that is not complete; take an annotation or a status as input.
package webhook
