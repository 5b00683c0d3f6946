// Package limit shares out the time of a replica among those who ask it.
//
// # Purpose
//
// Reviews cost processor time and memory. A bounded number is decided at a time, a bounded number
// waits, and their bodies are bounded together. The turn goes to the namespace, or the user, that
// used least of late, so that one tenant's edits do not delay those of the others.
//
// # Invariants
//
//   - Nobody has more than half of the slots, and those who used much, with reviews that take long,
//     never have all of them.
//   - Nobody begins with less time than reviews like this one take, or whose caller is gone.
//   - A place that was taken is given back exactly once, also when its caller is gone.
//
// # What it must not do
//
// Know what a review is about, or decide what is answered when there is no place.
package limit
