// Package conformance checks how a data plane enforces effective policies: for a
// GatewayClass it applies routes and policies at every level, sends requests, and
// reports for each feature what the data plane did, compared with what the status
// of our objects claims. Gateway API's own suite has nothing like it.
//
// A Feature is its manifests and a check of what a client and a backend see. The
// backend is an Upstream of the suite's own, on loopback, which does what a
// request asks for: fail, wait, or hang up.
//
// # Invariants
//
//   - Requests are few, and go to the Gateway's address, or where Options say.
//   - It is a failure if a claim and the traffic contradict each other, in either
//     direction. Where nothing is claimed, a data plane that reads the annotation
//     has to do everything; for any other, what it does is reported.
//   - Waits are measured only where they matter (before or after), never to the
//     millisecond.
package conformance
