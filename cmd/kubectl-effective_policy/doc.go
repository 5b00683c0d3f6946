// Command kubectl-effective_policy is the kubectl plugin "kubectl effective-policy": it shows which
// policies apply on every path through a Gateway, and why. It works on a cluster or, with -f, on
// manifests.
//
// Package command does everything; this package is only the process.
package main
