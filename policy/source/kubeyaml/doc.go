// Package kubeyaml reads documents of YAML as kubectl and API servers do.
//
// # Purpose
//
// Kubernetes reads YAML 1.1, where on is a truth value and 0777 a number: by a parser into a value, which
// is written as JSON and read again. [Parse] gives what comes out of that. It takes a shorter way where
// that is known to lead to the same value: nearly all manifests are written in a form that can be read
// line by line ([Parsed].TextKeys is set then), and the way through JSON changes few values.
//
// # Invariants
//
//   - What the short ways read is what the long one reads. Tests hold them to each other on random lines,
//     on every manifest of this repository, and under a fuzzer.
//   - A document that is not in the plain form in any place is left to the parser as a whole, and so is
//     every mistake: errors are the parser's.
//
// # What it must not do
//
// Know of Kubernetes' objects, or of the files that documents stand in.
package kubeyaml
