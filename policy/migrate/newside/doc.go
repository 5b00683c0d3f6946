// Package newside writes the new side of a migration: the Gateway with its listeners, routes,
// ReferenceGrants and policies that stand for the Ingresses.
//
// # Purpose
//
// Write plans the listeners, makes the rules of each host, and puts them into routes within
// the limits of the API (M22 to M38). With routes that exist already it writes the policies
// for these alone (M39). Timeouts, retries and rate limits become policies at the level on
// which they were stated (M44 to M57).
//
// # Invariants
//
//   - A rule that would let through what was refused before is held back (M40), and no wider
//     route serves its requests.
//   - Plain matches and regular expressions are never mixed on one host (M27).
//
// # What it must not do
//
// Report how each annotation was converted: package migrate does, from the Side. Report
// anything but what it finds while it writes.
package newside
