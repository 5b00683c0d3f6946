// Package migrate makes Gateway API routes and policies of Ingresses and of what
// configures their controller, reports every loss, and compares what both sides do
// with each request.
//
// # Purpose
//
// Moving off an ingress controller is safe when three things are known: what the
// controller makes of all Ingresses of a host together, what is written for it, and
// which requests are then answered otherwise. Read decodes the old side, Convert
// writes the new one with a Finding for every annotation, Verify compares the two.
// The rules are numbered M1 to M98 in docs/migrating.md; comments name them where
// they decide something.
//
// # How it works
//
// Each controller has a file with its tables: one Row for each annotation, with the
// values that its parser takes and what becomes of it. Whatever is not in a table is
// unknown, so nothing can be dropped in silence. The host view is a routing.View,
// which the tests compare with nginx itself. Timeouts, retries and rate limits
// become policies at the level on which they were stated, and the engine's own
// resolver proves what moving them changes.
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
