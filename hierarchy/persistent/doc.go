// Package persistent has an immutable hash map whose versions share what did
// not change.
//
// It exists because a snapshot of a cluster is read by many and changed a
// little at a time: the review of one edit needs the state before and the
// state after, and copying ten thousand entries for each would cost more than
// the review. A Map is a hash array mapped trie, and a short list of the
// latest changes that are not in the trie yet: With and Without copy the list,
// and once in a while the few nodes on the way to each of its keys.
//
// Invariants: a Map never changes once somebody has it; its zero value is the
// empty map; two Maps that hold the same entries answer every question the
// same way, except that the order of All is unspecified.
//
// What it must not do: know anything about Kubernetes, or promise an order.
// Whoever needs an order sorts.
package persistent
