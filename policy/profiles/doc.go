// Package profiles has what is known about vendors' policy kinds, as data.
//
// # Purpose
//
// Vendors do not annotate their CRDs. One file per vendor says, for each of their policy kinds,
// what an annotation on the CRD would say: how it attaches, to what it may attach, where an object
// states its strategy, and what is taken as a whole. An entry acts as if the CRD had these annotations,
// and an annotation on the CRD takes precedence over it (docs/semantics.md section 2).
//
// # Invariants
//
//   - Every entry names the page that it was read from, and the version of the project.
//   - A file holds facts, and no text or code of the vendor.
//   - The shipped files have no faults, and their names exist in the vendors' schemas; tests hold both.
//
// # What it must not do
//
// Know any kind in Go: a new vendor is a new file.
package profiles
