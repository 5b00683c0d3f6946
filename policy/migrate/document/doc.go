// Package document has the objects of both sides of a migration: those of the input with
// their file and line, and those that are written.
//
// # Purpose
//
// Findings name the file and the line of what they are about, so an Object of the input
// has both. What is written gets a name that no other object has (M22) and the
// annotations that say which Ingress it is from (M23).
//
// # Invariants
//
//   - The same objects give the same names and the same order (M3).
//   - A name that is written is one that the API server accepts.
//
// # What it must not do
//
// Know what an object means: Ingresses are read by package ingress, Gateway API by package
// hierarchy. Read a cluster or a file.
package document
