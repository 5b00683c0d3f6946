// Package annotation reads the annotation attache.dev/effective-policies, by
// which routes and Gateways carry what applies to them.
//
// It is for data planes, and for programs that want the result together with the
// route. Parse reads the text; For finds what applies on a listener to a rule.
// The values of a policy kind are as its CRD has them, and are decoded by whoever
// knows the kind: Decode.
//
// # Invariants
//
//   - Every path of the object is in exactly one scope, or no policy reaches it.
//   - A form that is not understood is an error, never an empty result: who reads
//     one keeps what it had (ErrVersion, Withheld without scopes).
//   - Rules are found by index only in the generation that they index, else by
//     name.
//
// # What it must not do
//
// Decide, merge or default anything, or know any policy kind.
package annotation
