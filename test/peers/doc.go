// Command peers computes the effective policies of a cluster in a file with the resolver of gwctl, which
// is the closest to attache's, and reports what that costs. BenchmarkPeers in test/bench runs it
// beside attache's own engine, on the same cluster: "make bench-peers".
//
// It is a module of its own, so that gwctl and its older Kubernetes libraries are not dependencies of
// attache.
package main
