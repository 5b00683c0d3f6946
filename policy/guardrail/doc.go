// Package guardrail reviews an edit before it happens: it resolves what the
// edit touches before and after, says what would change, and runs rules on the
// effective policy that would result.
//
// The webhook, the controller's publication gate, the audit and the command
// line all call this package, so they say the same about the same edit.
//
// A verdict is a value, never an error. An error means "could not decide", and
// what follows from that is for the caller to know. Only violations that are
// new or worse deny: what already violates a guardrail can still be relabelled,
// finalised and deleted, and edited in everything else. All violations of all guardrails come in one verdict,
// sorted.
//
// It is pure. Rules are compiled elsewhere (celrule, regorule) and come in
// through the interface Rule; they see a document that this package assembles
// and can do no I/O. It must not import an expression engine or a client.
package guardrail
