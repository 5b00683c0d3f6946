// Package ground holds the API server to what the exporters that write into
// routes stand on: what a mutating webhook does to field ownership, to
// generations and to others' apply; what pruning, defaulting and CEL make of an
// injected value; which requests a match condition lets through; and what a
// ValidatingAdmissionPolicy protects while nothing of ours runs.
//
// There is no data plane here and none of our code. A small webhook in the test
// writes into routes and keeps a record of it, so that every claim is judged by
// what the API server stores. If a claim does not hold any more after a new
// version of Kubernetes or Gateway API, a test here fails before a user finds out.
//
// It must not import the product: what is proved here is about the ground, not
// about the house.
package ground
