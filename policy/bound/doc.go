// Package bound compares the values of fields: durations, integers, quantities and texts.
//
// # Purpose
//
// A bound limits a field from below and from above (semantics 3.1), so values need an order. A Type
// defines it. A Comparable is a field of a policy kind with its type, and with the value that
// switches the field off.
//
// # Invariants
//
//   - A value that is not of its type cannot be compared: the result is an error, never a guess.
//   - Two spellings of one value are equal: 60s and 1m.
//
// # What it must not do
//
// Know policies, or decide what happens to a value that is out of bounds.
package bound
