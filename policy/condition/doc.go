// Package condition reads and writes the conditions of a status as metav1.Condition, where objects
// are unstructured.
//
// # Invariants
//
//   - Reading never fails: an entry that is not a condition is passed over, and a field of the
//     wrong type is empty.
//   - Writing a condition and reading it again gives the same condition.
//
// # What it must not do
//
// Know what any type or reason means.
package condition
