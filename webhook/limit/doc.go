// Package limit shares out the time of a replica among those who ask it.
//
// # Purpose
//
// Reviews cost processor time and memory. A bounded number is decided at a time, a bounded number
// waits, and their bodies are bounded together. The next turn goes to the namespace, or the user,
// with the least recent use, so that one tenant's edits do not delay those of others.
//
// # Invariants
//
//   - Nobody has more than half of the slots, and those who used much, with reviews that take long,
//     never have all of them.
//   - No review begins with less time than such reviews take, or when its caller is gone.
//   - Every place is given back exactly once, also when its caller is gone.
//
// # What it must not do
//
// Know the content of a review, or decide the answer when there is no place.
package limit
