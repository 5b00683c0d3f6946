// Package field has the fields of the three policy kinds that are exported, and their values: how a
// value is read, compared and written.
//
// # Purpose
//
// One table names the kinds and their fields. Durations, numbers, lists and the conditions of retries
// are read here once, so that every exporter means the same by a value.
//
// # Invariants
//
//   - A value that cannot be read is reported as such. It never counts as zero.
//   - Values are compared as what they are: 1s equals 1000ms, and the order of retryOn does not count
//     (E6.1).
//
// # What it must not do
//
// Know a data plane, a route or an outcome.
package field
