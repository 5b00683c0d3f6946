// Package field has the fields of the three policy kinds that are exported, and their values: how a
// value is read, compared and written.
//
// # Purpose
//
// One table names the kinds and their fields. Durations, numbers, lists and the conditions of retries
// are read only here, so that a value means the same to every exporter.
//
// # Invariants
//
//   - A value that cannot be read is reported as such. It never counts as zero.
//   - Values are compared by their meaning: 1s equals 1000ms, and the order of retryOn does not matter
//     (E6.1).
//
// # What it must not do
//
// Know a data plane, a route or an outcome.
package field
