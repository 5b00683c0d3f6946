// Package page is the page as browsers get it: built from the TypeScript sources
// in this folder, committed, and embedded.
//
// # Purpose
//
// Whoever builds the command needs Go and nothing else. "go generate" builds the
// bundle anew, with esbuild, which is a Go module; a test compares the result with
// what is committed.
//
// # Invariants
//
//   - Nothing is loaded from elsewhere: the libraries are in vendor, with their
//     licences.
//   - Nothing in the page makes markup of a text.
//
// # What it must not do
//
// Have behaviour in Go.
package page
