// Package migrate makes Gateway API routes and policies of Ingresses and of what
// configures their controller, and reports every loss.
//
// # Purpose
//
// Moving off an ingress controller is safe when three things are known: what the
// controller makes of all Ingresses of a host together, what is written for it, and
// which requests get a different answer then. Package oldside reads the first, Convert
// writes the second with a Finding for every annotation, package verify finds the third.
// The rules are numbered M1 to M98 in docs/migrating.md; comments name them where
// they decide something.
//
// # How it works
//
// The packages below this one build on each other:
//
//   - document, ingress: the objects of the input, and Ingresses decoded.
//   - finding, option, statement: what is reported, which options were chosen, and
//     policies before they are written.
//   - controller: a file with tables for each ingress controller.
//   - oldside: what the controller answers, and what it asks of policies.
//   - routing: what each side answers to a request.
//   - newside, lift: the routes, the Gateway and the policies.
//   - verify, progress: the comparison of both sides, and how far a parallel run is.
//
// This package has what remains: the whole conversion, and the finding on each
// annotation, which depends on what was written for it. The tests of the packages below
// are here too, since most of them need a whole conversion.
//
// # Invariants
//
//   - The same objects give the same bytes, in whatever order they come (M3).
//   - Every annotation of every Ingress of the controller has exactly one Finding.
//   - A rule that would let through what was refused before is held back (M40).
//   - Data of Secrets and text of snippets is never interpreted.
//
// # What it must not do
//
// Read a cluster or a file, log, look at the clock, start goroutines, write to a
// cluster, or delete anything.
package migrate
