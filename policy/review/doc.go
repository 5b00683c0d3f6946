// Package review reviews an edit before it happens: it resolves what the edit touches before and
// after, determines what would change, and evaluates guardrails on the resulting effective
// policies.
//
// # Purpose
//
// The webhook, the controller's publication gate, the audit and the command line all call this
// package, so that they have the same answer for the same edit.
//
// # The words for something wrong
//
//   - guardrail.Problem: a guardrail does not compile, or one of its examples has another result
//     than expected.
//   - guardrail.Finding: one rule objects on one path.
//   - evaluate.Violation: a guardrail objects for one reason, on all paths with the same objection.
//   - Refusal: the edit is refused without a guardrail: a policy cannot be attached, or a merged
//     value is invalid by the policy kind's own schema.
//   - Objection: what denies an edit, a Refusal or a Violation of a guardrail with Deny, in the
//     form for people and programs.
//   - Notice: something that does not prevent an edit, but that its author should know.
//   - Denial: the message made from all objections.
//
// A Verdict has all of these: Denied reports whether there is an Objection, Warnings turns the rest
// into sentences.
//
// # Invariants
//
//   - A verdict is a value, never an error. An error means "could not decide"; the caller decides
//     what follows from that.
//   - Only new or worse violations deny: an object that already violates a guardrail can still be
//     relabelled, finalised and deleted, and its other fields can be edited.
//   - All violations of all guardrails come in one verdict, sorted.
//   - It is pure.
//
// # What it must not do
//
// Import an expression engine or a client; look at the clock.
package review
