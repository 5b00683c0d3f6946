// Command playground shows attache at work in a real Kubernetes API server.
//
//	playground demo    a guided tour: it starts everything, tells the story
//	                   step by step, and stops everything it started
//	playground up      the same cluster, left running in the background
//	playground down    stops that one
//	playground conformance [flags]
//	                   the conformance suite for policies, on the reference
//	                   data plane, or on any cluster
//
// "make demo", "make playground" and "make playground-down" call it.
//
// The control plane is that of package test/controlplane. The manager runs as a
// process beside it, with the rights of its own service account, and is called
// through the webhook configurations of the Helm chart, because there are no
// nodes that could run a pod. All the rest is as in a cluster.
//
// Every step of the demo checks that what it tells is true, and the demo fails
// if it is not: so the story cannot drift away from the product. Waiting is done
// by watching, never by sleeping.
package main
