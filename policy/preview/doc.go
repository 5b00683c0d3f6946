// Package preview says what an API server with attache would answer to
// manifests, before anybody applies them.
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
//   - The package is pure. Whoever calls it reads the manifests and the world, and
//     gives the compilers of guardrails' languages.
//   - All manifests are one edit. Rules that read the object under edit are asked
//     about one object after the other, in an order in which they can be applied.
//   - Findings are sorted by place, and then by weight.
//
// # What it must not do
//
// Read files, ask a cluster or print.
package preview
