// Package page is the page as browsers receive it: built from the TypeScript sources
// in this folder, committed, and embedded.
//
// # Purpose
//
// Building the command needs only Go. "go generate" rebuilds the bundle with esbuild,
// which is a Go module; a test compares the result with the committed one.
//
// # Invariants
//
//   - Nothing is loaded from elsewhere: the libraries are in vendor, with their
//     licences.
//   - Nothing in the page turns text into markup.
//
// # What it must not do
//
// Have behaviour in Go.
package page
