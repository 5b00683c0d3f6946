// Package finding has what a migration reports about its input.
//
// # Purpose
//
// A Finding is one sentence about one place of the input: what it is converted to, what a loss
// does to requests, and whether rules are held back for it (M65, M40). A Report gathers
// findings, and Totals count them (M67).
//
// # Invariants
//
//   - Every annotation of an Ingress has at most one finding in a report: the first counts.
//   - The identity of a finding depends on its status, its place and the objects concerned,
//     not on the wording of its message.
//   - A finding that the user accepted is never held.
//
// # What it must not do
//
// Decide how an annotation is converted, or print.
package finding
