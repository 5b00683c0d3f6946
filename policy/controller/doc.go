// Package controller keeps everything that attache writes to a cluster up to date: the annotation
// on routes and Gateways, the EffectivePolicy objects, and the status of policies.
//
// # How
//
// Batches of changes come from package cluster. Batches that arrive while one is being worked on
// become one. For each, the routes and Gateways whose paths go through anything that changed,
// before or after, are resolved once; the kept resolution and the tally that policies are counted
// by are brought up to date; and every object whose written state may be out of date goes into a
// queue, by its hierarchy.Ref. Reconcile plans for one such object (package status compares the
// desired state with the live one) and applies the difference. Failures are retried per object,
// with growing delays.
//
// # Invariants
//
//   - A write that would change nothing is not sent. The API server's answer to a write is taken
//     into account at once, however late the watch is.
//   - One function writes to the API server.
//   - An entry in a policy's status that is not ours is never changed, moved or
//     dropped; a status is replaced only at the version it was computed from.
//   - When somebody else writes where only we may, it is reverted.
//   - Only the leader writes.
//   - An effective policy that newly violates a guardrail with Deny, or violates it more than the
//     published one, is not published: the published one stays, in the annotation and in the
//     EffectivePolicy. The table is in publication.go. Judging is part of settling, one batch after
//     the other, so that each new result is always judged against the one published before it.
//   - The published state is in the cluster: after a restart it is read back from the
//     EffectivePolicy objects.
//
// # What it must not do
//
// Import webhook or cmd. Decide what applies (package policy does), or what to write (package
// status does).
package controller
