// Package condition reads and writes the conditions of a status as metav1.Condition, where objects
// are unstructured.
//
// # Invariants
//
//   - Reading never fails: what is no condition is passed over, and a field of another type than a
//     condition's is empty.
//   - What is written and read again is the same.
//
// # What it must not do
//
// Know what any type or reason means.
package condition
