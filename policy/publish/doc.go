// Package publish writes effective policies in their two published forms, and reads both back:
// EffectivePolicy objects for people and programs, and the annotation on routes and Gateways for
// data planes.
//
// # Invariants
//
//   - What is read back equals what was written: after a restart the controller learns from it what
//     is in force.
//   - A result always has the same bytes: keys and lists are sorted.
//   - Entries that do not fit are left out and counted, never truncated.
//   - The first form of EffectivePolicy, in which references were texts, can be read
//     (firstform.go).
//
// # What it must not do
//
// Decide what is published, or write it to the API server: package status and the controller do.
package publish
