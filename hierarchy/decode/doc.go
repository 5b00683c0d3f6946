// Package decode reads unstructured objects of Gateway API, of any served version, into the compact
// ones of package hierarchy.
//
// # Invariants
//
//   - What has the wrong type is a Problem with its field, and is then absent: one bad field hides
//     nothing else.
//   - Defaults of the CRDs are applied here, for a manifest has not met an API server.
//   - A route's rules are read as its owner wrote them, without what was injected (E8.4).
//   - Nothing of the object that was read is kept or changed.
//
// # What it must not do
//
// Look at a second object: what an object means beside others is the Graph's.
package decode
