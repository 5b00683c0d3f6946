// Package verify compares what both sides of a migration answer to the same requests.
//
// # Purpose
//
// Verify asks both sides every request that can tell them apart (M71), compares the answers
// and, where these are equal, the policies in force (M70). What a conversion announced in its
// findings does not count as a difference (M76). LiveRequests chooses the requests that are
// safe to send to real servers (M80).
//
// # Invariants
//
//   - A finding announces its own kind of difference and no other.
//   - What the specification leaves to the data plane is undetermined, never equal.
//
// # What it must not do
//
// Send requests, or change either side.
package verify
