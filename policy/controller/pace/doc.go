// Package pace limits how many requests are under way to an API server at a time, by how the API
// server answers.
//
// # Purpose
//
// A fixed number of requests a second is too few for one API server and too many for another, and
// for the same one at another time of day. The limit here grows by one with every round of good
// answers, and falls when the API server refuses for lack of room (429, 503, 504) or becomes slow.
// Nothing is sent before the time that a refusal asked to wait for (Retry-After).
//
// # Invariants
//
//   - The limit is never below one and never above Most.
//   - Refusals of requests that were under way together count once.
//   - A refusal holds requests back for MaxPause at most.
//   - Who waits longest goes first. Watches are not counted.
//
// # What it must not do
//
// Try anything again: that is for the client, which passes here again when it does.
package pace
