// Package traffic sends real requests through a real Traefik that reads Gateway
// API objects from a real API server, and counts what comes out and what arrives
// at the other end. It confirms what is said to be enforced, and shows that what
// is said not to be is not.
//
// "make traffic" runs it; without ATTACHE_TRAFFIC in the environment it is left
// out, because building Traefik takes minutes.
//
// Everything is on loopback addresses: see package test/dataplane. Counts are
// exact, because limits that are tested refill by less than one request during a
// test. Nothing is asserted of how long anything took, except that a timeout which
// nobody enforces did not act.
package traffic
