// Package export defines what an exporter is given and what it gives back. An exporter turns
// effective policies into what a data plane already reads: objects of its API, or values in the
// route, with an outcome for every field.
//
// # Purpose
//
// No data plane reads annotations that are not its own. An exporter writes a data plane's own objects.
// For every value on every path it reports whether the value is in force, in force with a loss, or not
// in force, and why. The same function serves the controller, admission and the command line.
// docs/enforcement-rules.md has the rules that comments cite by number.
//
// The package has what others need without an exporter: input and projection, the closed list of
// reasons, the names and labels of objects, foreign objects, injection into routes, and what is known
// about data planes by their controllerName. The exporters and their registry are in package
// exporters, what they share is in package draft, and the fields of our three kinds are in package
// field.
//
// # Invariants
//
//   - Total: for every leaf of every effective value of our kinds on every path of the input there is
//     exactly one Outcome (E2.2).
//   - Deterministic: the same input in any order gives the same bytes.
//   - Values never get looser than asked, unless the outcome's reason says so.
//   - Every object returned is one that the data plane's CRD accepts.
//   - No user's text becomes part of an expression (E9.4).
//
// # What it must not do
//
// Talk to a cluster, read files, log, or know the time. Know a single exporter.
package export
