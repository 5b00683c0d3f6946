// Package profiles has what is known of vendors' policy kinds, as data.
//
// # Purpose
//
// Vendors do not annotate their CRDs. One file per vendor says, for each of their policy kinds,
// what an annotation on the CRD would say: how it attaches, what it may attach to, where an object
// says its strategy, what is taken whole. An entry acts as if the CRD carried these annotations,
// and an annotation on the CRD beats it (docs/semantics.md section 2).
//
// # Invariants
//
//   - Every entry names the page that it was read from, and the version of the project.
//   - A file holds facts, and no text or code of the vendor.
//   - The shipped files have no faults, and their names exist in the vendors' schemas; tests hold both.
//
// # What it must not do
//
// It knows no kind in Go: a new vendor is a new file.
package profiles
