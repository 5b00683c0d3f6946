// Package validate defaults, prunes and validates objects by the structural
// schema and the CEL rules of their CustomResourceDefinition, with the code of
// the API server itself (k8s.io/apiextensions-apiserver).
//
// # Purpose
//
// Two callers need the API server's verdict without an API server. Package source reads manifests
// offline, and must refuse what a cluster would refuse, see the defaults that a cluster would fill
// in, and use the same words: that is [Registry]. The engine merges policies that are valid each by
// itself, and must know whether the result is valid, too: that is [Blocks].
//
// # Invariants
//
//   - The verdict on an object is the one that an API server without webhooks gives on its creation
//     with strict field validation. test/api compares the two.
//   - Nothing is compiled before it is needed: an object of one kind costs
//     nothing for the others.
//   - Every exported method is safe for concurrent use.
//   - Work per object is bounded by the API server's own CEL budgets.
//   - Problems of the input are values, sorted by field. A broken rule is identified by its
//     position in the schema: every rule is evaluated separately.
//   - The same object gives the same problems, byte for byte. The API server's messages list the
//     keys of a map in another order each time; here they are sorted. Only the result of a rule
//     that depends on that order is not deterministic.
//
// # What it must not do
//
// Know any kind: it sees CRDs and objects, never a TimeoutPolicy. Talk to a
// cluster, read files, or log.
package validate
