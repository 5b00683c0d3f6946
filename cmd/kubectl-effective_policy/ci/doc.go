// Package ci writes findings in the forms that continuous integration reads: SARIF, JUnit, and the
// annotations of GitHub's workflows.
//
// # Invariants
//
//   - The same findings give the same bytes. A fingerprint stays when lines move.
//   - SARIF is valid by the published schema.
//
// # What it must not do
//
// Find anything: it writes what others found.
package ci
