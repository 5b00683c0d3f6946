// Package export turns effective policies into what a data plane already reads:
// objects of its API, or values in the route, with an outcome for every field.
//
// # Purpose
//
// No data plane reads a foreign annotation. An exporter writes a data plane's
// own objects and says of every value on every path whether it is in force, in
// force with a loss, or not, and why. The same function serves the controller,
// admission and the command line. docs/enforcement-rules.md has the rules that
// comments cite by number.
//
// The package is a list of equals: the files of each data plane carry its name,
// and registry.go lists them; the rest is what they share.
//
// # Invariants
//
//   - Total: for every leaf of every effective value of our kinds on every path
//     of the input there is exactly one Outcome (E2.2).
//   - Deterministic: the same input in any order gives the same bytes.
//   - Values never get looser than asked, unless the outcome's reason says so.
//   - Every object returned is one that the data plane's CRD accepts.
//   - No text of a user becomes part of an expression (E9.4).
//
// # What it must not do
//
// Talk to a cluster, read files, log, or know the time. Import a data plane's
// Go module. Export policy kinds other than our three: their names and fields
// stand in one table (fields.go), and nothing else here knows them.
package export
