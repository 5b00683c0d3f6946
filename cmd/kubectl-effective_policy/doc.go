// Command kubectl-effective_policy is the kubectl plugin "kubectl
// effective-policy": it shows which policies apply on every way through a
// Gateway, and why. It works on a cluster and, with -f, on manifests alone.
//
// Everything it does is in package command; here is only the process.
package main
