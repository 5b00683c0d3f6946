// Package ci writes findings in the forms that continuous integration reads: SARIF, JUnit, the
// annotations of GitHub's workflows, and Markdown for comments on pull requests.
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
