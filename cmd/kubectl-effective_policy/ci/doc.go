// Package ci writes findings in the forms that continuous integration reads: SARIF, JUnit, the
// annotations of GitHub's workflows, and Markdown for comments on pull requests.
//
// # Invariants
//
//   - Equal findings give equal bytes. A fingerprint does not change when lines move.
//   - SARIF is valid according to the published schema.
//
// # What it must not do
//
// Find anything: it writes findings of others.
package ci
