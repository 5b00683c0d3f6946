// Package guardrails has examples of guardrails: manifests, and tests that hold them to
// what their pages say. It has no code.
package guardrails
