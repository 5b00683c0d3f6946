// Package evaluate runs guardrails on effective policies and collects what they object to.
//
// # Purpose
//
// An Evaluator runs the rules of guardrails on the paths of one target after the other. It builds
// the input document, shares one answer among all paths that have the same input for a rule,
// distinguishes new and worse objections from existing ones, and combines equal objections on many
// paths into one Violation.
//
// # Invariants
//
//   - Only new or worse violations count: existing ones may stay as they are.
//   - The publication gate, the audit and the review of an edit get the same violations for equal
//     effective policies, sorted.
//   - A rule that fails counts as an objection; a rule that runs out of time leaves the evaluation
//     Unfinished.
//
// # What it must not do
//
// Know expression engines or clients; look at the clock; decide whether an edit is refused.
package evaluate
