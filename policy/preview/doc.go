// Package preview predicts the answer of an API server with attache to manifests, before anybody
// applies them.
//
// # Purpose
//
// A Change is a world and manifests that are applied to it, or removed from it.
// It becomes one edit of package guardrail; Review gives its verdict as findings,
// each with the place in the manifests that has to be changed. The command "check"
// and the page's what-if print the same Report.
//
// # Invariants
//
//   - The package is pure. The caller reads the manifests and the world, and provides the compilers
//     for the languages of guardrails.
//   - All manifests are one edit. Rules that read the object under edit are evaluated for one
//     object after the other, in an order in which these can be applied.
//   - Findings are sorted by place, and then by weight.
//
// # What it must not do
//
// Read files, ask a cluster or print.
package preview
