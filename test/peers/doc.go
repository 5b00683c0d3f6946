// Command peers has the resolver of gwctl, the nearest relative of attache's, compute the effective
// policies of a cluster in a file, and says what that takes. BenchmarkPeers in test/bench runs it
// beside attache's own engine, on the same cluster: "make bench-peers".
//
// It is a module of its own, so that gwctl and the Kubernetes libraries of its time are no
// dependency of attache.
package main
