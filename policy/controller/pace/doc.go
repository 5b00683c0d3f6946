// Package pace limits how many requests to an API server are in flight at a time, depending on its
// answers.
//
// # Purpose
//
// A fixed number of requests per second is too low for one API server and too high for another, or
// for the same one at another time of day. The limit here grows by one with every round of good
// answers, and falls when the API server refuses for lack of room (429, 503, 504) or becomes slow.
// Nothing is sent before the time that a refusal asked to wait (Retry-After) is over.
//
// # Invariants
//
//   - The limit is never below one and never above Most.
//   - Refusals of requests that were in flight together count once.
//   - A refusal holds requests back for at most MaxPause.
//   - The request that has waited longest goes first. Watches are not counted.
//
// # What it must not do
//
// Retry anything: the client does, and its retry passes through here again.
package pace
