// Package decode reads unstructured objects of Gateway API, of any served version, into the compact
// ones of package hierarchy.
//
// # Invariants
//
//   - A field of the wrong type becomes a Problem and is then treated as absent: one bad field
//     hides nothing else.
//   - Defaults of the CRDs are applied here, because no API server has defaulted a manifest.
//   - A route's rules are read as its owner wrote them, without what was injected (E8.4).
//   - Nothing of the object that was read is kept or changed.
//
// # What it must not do
//
// Look at a second object: how objects relate to each other is the Graph's concern.
package decode
