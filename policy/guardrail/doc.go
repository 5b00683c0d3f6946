// Package guardrail represents guardrails: which paths a guardrail selects, its rules, its
// exceptions and its examples. Package policy/evaluate runs them.
//
// # Invariants
//
//   - A mistake in a guardrail is a Problem, with its field, and the guardrail is returned anyway:
//     Broken says why it cannot be evaluated.
//   - Rules are compiled elsewhere (celrule, regorule) and are passed in through the interface
//     Rule. They see a document of JSON values, an Input, and can do no I/O.
//   - The limits of a rule are the same for every language (limits.go).
//   - A guardrail only has exceptions in the form in which At returns it: a caller that forgets the
//     time excepts nothing.
//
// # What it must not do
//
// Import an expression engine or a client; look at the clock; resolve policies.
package guardrail
