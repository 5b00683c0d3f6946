// Package status computes what to write for people and data planes to read: EffectivePolicy objects
// and annotations in the forms of package publish, the status of policies and guardrails, events
// and reports.
//
// # Invariants
//
//   - It is given a resolution and the live objects, and returns the writes that bring these up to
//     date, as data. What is already up to date is not written.
//   - The clock is a field of the Planner.
//   - Entries of other controllers are never changed or dropped.
//
// # What it must not do
//
// Write to the API server: one function elsewhere applies the writes.
package status
