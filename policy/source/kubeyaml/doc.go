// Package kubeyaml reads documents of YAML as kubectl and API servers do.
//
// # Purpose
//
// Kubernetes reads YAML 1.1, where on is a boolean and 0777 a number. It parses a document into a value,
// writes that as JSON and reads it again. [Parse] returns the same result. It takes a shorter way where
// that is known to lead to the same value: nearly all manifests are written in a form that can be read
// line by line ([Parsed].TextKeys is set then), and the way through JSON changes few values.
//
// # Invariants
//
//   - The short ways read the same as the long one. Tests compare them on random lines, on every
//     manifest of this repository, and under a fuzzer.
//   - A document that is not entirely in the plain form is left to the parser as a whole, and so is every
//     mistake: errors are the parser's.
//
// # What it must not do
//
// Know Kubernetes' objects, or the files from which documents come.
package kubeyaml
