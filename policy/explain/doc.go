// Package explain turns the engine's results into reports with reasons.
//
// # Purpose
//
// The command prints these reports and the page shows them: what applies to a
// route and why (Explain), what is bound where (BindingsOf), what surrounds an
// object (Describe), the hierarchy above and below objects (package topology), what an
// edit changes (ChangesOf), and the policy kinds (KindsOf). Every report is data:
// encoding/json writes the form that "-o json" prints.
//
// # Invariants
//
//   - The package is pure: the same snapshot and question give the same report.
//   - Reports are sorted, and lists that a reader may range over are never nil.
//   - Texts are made from typed references, and nothing is parsed back out of a text.
//
// # What it must not do
//
// Print, lay out columns, read files or ask a cluster. Decide what applies: the engine does.
package explain
