// Package evaluate runs guardrails on effective policies and collects what they object to.
//
// # Purpose
//
// An Evaluator asks the rules of guardrails about the paths of one target after the other. It makes
// the input document, shares one answer among all paths that agree in what a rule reads, tells new
// and worse objections from those that were there before, and puts what is the same on many paths
// into one Violation.
//
// # Invariants
//
//   - Only what is new or worse counts: what violates a guardrail already may stay as it is.
//   - The publication gate, the audit and the review of an edit get the same violations for the same
//     effective policies, sorted.
//   - A rule that fails objects; a rule that runs out of time leaves the evaluation Unfinished.
//
// # What it must not do
//
// Know expression engines or clients; look at the clock; decide whether an edit is refused.
package evaluate
