// Package ground tests the behaviour of the API server on which exporters that
// write into routes rely: how a mutating webhook affects field ownership,
// generations and others' applies; how pruning, defaulting and CEL treat an
// injected value; which requests a match condition lets through; and what a
// ValidatingAdmissionPolicy protects while nothing of ours runs.
//
// There is no data plane here and none of our code. A small webhook in the test
// writes into routes and keeps a record of it, so that every claim is compared with
// what the API server stores. If a claim no longer holds with a new version of
// Kubernetes or Gateway API, a test here fails before a user finds out.
//
// It must not import the product: it is about the API server, not about attache.
package ground
