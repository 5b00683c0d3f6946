// Package conformance checks what a data plane makes of effective policies:
// for a GatewayClass it applies routes and policies of every level, sends
// requests, and reports for each feature what the plane did, against what the
// status of our objects claims. Upstream's suite has nothing of the kind.
//
// A Feature is its manifests and a check of what a client and a backend see. The
// backend is an Upstream of the suite's own, on loopback, which does what a
// request asks of it: fail, wait, hang up.
//
// # Invariants
//
//   - Requests are few, and go to the Gateway's address, or where Options say.
//   - A claim and the traffic that contradict each other are a failure, in
//     either direction. Where nothing is claimed, a plane that reads the
//     annotation has to do everything; of another what it does is reported.
//   - Waits are measured where they matter (was it before, was it after), never
//     to the millisecond.
package conformance
