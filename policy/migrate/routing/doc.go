// Package routing answers what each side of a migration does with a request, and
// which requests tell the two sides apart.
//
// # Purpose
//
// The old side is a View: what an ingress controller makes of all Ingresses of
// each host. The new side is a Graph of Gateway API objects, asked through package
// request. Both answer with an Answer, whose fields are compared one by one.
// Requests lists the requests that have to be asked: for hosts without regular
// expressions no other request can be answered differently (M72 of
// docs/migrating.md).
//
// # Invariants
//
//   - An answer depends only on the side and the request.
//   - The order of locations in a View is the order in which they were stated; the
//     controller's own order is made here.
//   - A regular expression that cannot be read makes answers undetermined, never
//     wrong.
//
// # What it must not do
//
// Read annotations, know policies or write objects: packages oldside and newside do. Read a
// cluster or a file, log, look at the clock, or start goroutines.
package routing
