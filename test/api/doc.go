// Package api tests what attache's CustomResourceDefinitions accept and refuse,
// and with which messages.
//
// # Purpose
//
// For every rule in the CRDs there is a manifest that it accepts and one that it
// refuses, in one table ([corpus]). The table is run twice: against a real API
// server (package test/controlplane), and through package policy/validate, which
// answers offline. The two must agree on every manifest, word for word.
//
// # Invariants
//
//   - No fake API server: a rule that only a fake evaluates is not tested.
//   - A refusal is compared by its message, because the message is for the person
//     who has to correct the manifest.
//
// # What it must not do
//
// Test the engine, the webhooks or the controller.
package api
