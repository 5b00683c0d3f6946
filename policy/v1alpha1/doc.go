// Package v1alpha1 holds the Go types of attache's own kinds: TimeoutPolicy,
// RetryPolicy, RateLimitPolicy, EffectivePolicy and PolicyGuardrail (group
// attache.dev).
//
// # Purpose
//
// The types are the source of the CustomResourceDefinitions in package crds:
// the comments become the text of "kubectl explain", the markers become the
// schema and its CEL rules. They are also what Go programs use to write such
// objects with a typed client.
//
// # Invariants
//
//   - No behaviour: nothing but generated deep copies and the registration in
//     a scheme. In particular the engine (package policy) never imports this
//     package, so somebody else's policy kind is worth as much as ours.
//   - Mistakes that can be found without looking at another object are refused
//     by the schema, hence by a bare API server without our webhook, and every
//     message says what to write instead.
//   - A rule that must also hold for the merge of several policies is on the
//     block type ([TimeoutSettings], [RetrySettings], [RateLimitSettings]),
//     because the engine checks merged values against the schema of the block.
//     A rule about what one author may write is on the spec type.
//   - Fields inside a block have no CRD default: a default would be a value that
//     nobody wrote, and would win over what a policy further up says.
//
// # What it must not do
//
// Compare, merge or interpret anything; import any other package of attache.
package v1alpha1

// The CRDs in ../../crds and the deep copies are generated from this package
// with the controller-gen pinned in tools.mod.
//
//go:generate go tool -modfile=../../tools.mod controller-gen object crd:generateEmbeddedObjectMeta=false paths=. output:crd:artifacts:config=../../crds output:object:dir=.
