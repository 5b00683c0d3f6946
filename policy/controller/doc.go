// Package controller keeps what attache writes in a cluster true: the annotation
// on routes and Gateways, the EffectivePolicy objects, and the status of
// policies.
//
// # How
//
// Batches of changes come from package cluster. Batches that arrive while one is
// being worked on become one. For each, the routes and Gateways whose paths go
// through anything that changed, before or after, are resolved once; the kept
// resolution and the tally that policies are counted by are brought up to date;
// and every object whose writing may have become wrong goes into a queue, by its
// hierarchy.Ref. Reconcile plans for one such object (package status compares
// what should be with what is) and applies the difference. What fails is tried
// again, each object by itself, later and later.
//
// # Invariants
//
//   - A write that would change nothing is not sent. The API server's answer to
//     a write counts as known at once, however late the watch is.
//   - One function writes to the API server.
//   - An entry in a policy's status that is not ours is never changed, moved or
//     dropped; a status is replaced only at the version it was computed from.
//   - What somebody else writes where only we may is put right.
//   - Only the leader writes.
//   - An effective policy that newly violates a guardrail with Deny, or more than
//     what is published, is not published: what was published stays, in the
//     annotation and in the EffectivePolicy. The table is in publication.go. Judging
//     belongs to settling, one batch after the other, so that what is published
//     next is always judged against what is published before it.
//   - What is published is in the cluster: after a restart it is read back from the
//     EffectivePolicy objects.
//
// # What it must not do
//
// Import webhook or cmd. Decide what applies, which is package policy's; decide
// what to write, which is package status's.
package controller
