// Package annotation reads the annotation attache.dev/effective-policies, by
// which routes and Gateways carry what applies to them.
//
// It is for data planes, and for programs that want the result together with the
// route. Parse reads the text; For finds what applies on a listener to a rule.
// Timeouts, Retries and Limits decode the values of our own kinds, with what they
// mean; Decode those of any kind.
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
// Decide or merge anything, or fill in what is a data plane's to choose.
package annotation
