// Package progress says how far a parallel run of both sides is, and which Ingresses can be
// deleted.
//
// # Purpose
//
// Of reads the marks on routes, the comparison of both sides and the status of routes and
// Gateways, and gives each Ingress a state (M84 to M89).
//
// # Invariants
//
//   - No Ingress is deletable while something still depends on it (M87).
//   - Nothing is called moved unless somebody resolved its hosts, or said that DNS does not
//     count.
//
// # What it must not do
//
// Resolve names, delete Ingresses, or read a cluster.
package progress
