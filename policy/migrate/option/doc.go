// Package option has the options of a migration: which Ingresses are read, and how the new
// side is written.
//
// # Purpose
//
// Each field is a flag of the command. Both sides depend on the same options: retries, for
// example, decide what the old side asks for and which rules are written.
//
// # Invariants
//
//   - WithDefaults fills in every field that has a default, so that nothing else needs to.
//
// # What it must not do
//
// Read or write objects.
package option
