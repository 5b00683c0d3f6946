// Package review reviews an edit before it happens: it resolves what the edit touches before and
// after, says what would change, and asks guardrails about the effective policies that would result.
//
// # Purpose
//
// The webhook, the controller's publication gate, the audit and the command line all call this
// package, so they say the same about the same edit.
//
// # The words for something wrong
//
//   - guardrail.Problem: a guardrail does not compile, or one of its examples does not come out as
//     it says.
//   - guardrail.Finding: one rule objects to one path.
//   - evaluate.Violation: a guardrail objects for one reason, on all paths on which that is the same.
//   - Refusal: it takes no guardrail to refuse this: a policy that cannot be attached, or a merged
//     value that the policy kind's own schema forbids.
//   - Objection: what denies an edit, a Refusal or a Violation of a guardrail with Deny, in the form
//     in which people and programs are told.
//   - Notice: something that does not keep an edit from passing and that its author should know.
//   - Denial: the message that is made of all objections.
//
// A Verdict has them all: Denied asks whether there is an Objection, Warnings puts what passes into
// sentences.
//
// # Invariants
//
//   - A verdict is a value, never an error. An error means "could not decide", and what follows from
//     that is for the caller to know.
//   - Only violations that are new or worse deny: what already violates a guardrail can still be
//     relabelled, finalised and deleted, and edited in everything else.
//   - All violations of all guardrails come in one verdict, sorted.
//   - It is pure.
//
// # What it must not do
//
// Import an expression engine or a client; look at the clock.
package review
