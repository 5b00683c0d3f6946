// Package status computes what to write where people and data planes read: EffectivePolicy objects
// and annotations in the forms of package publish, the status of policies and guardrails, events
// and reports.
//
// # Invariants
//
//   - It is given a resolution and what is live, and returns the writes that make live true, as
//     data. What is already true is not written.
//   - The clock is a value of the Planner.
//   - An entry of another controller is never changed, and never dropped.
//
// # What it must not do
//
// Write: one function elsewhere applies the writes.
package status
