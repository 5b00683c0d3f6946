// Package guardrail is what is written in guardrails: which paths one is about, its rules, its
// exceptions and its examples. Package policy/review asks them.
//
// # Invariants
//
//   - What is wrong with a guardrail is a Problem, with its field, and the guardrail is returned
//     with it: Broken says why it cannot be asked.
//   - Rules are compiled elsewhere (celrule, regorule) and come in through the interface Rule. They
//     see a document of JSON values, an Input, and can do no I/O.
//   - The limits on what one rule may take are the same for every language (limits.go).
//   - A guardrail has exceptions only in the form in which At returns it: who forgets the time
//     excepts nothing.
//
// # What it must not do
//
// Import an expression engine or a client; look at the clock; resolve policies.
package guardrail
