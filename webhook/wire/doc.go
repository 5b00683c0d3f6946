// Package wire reads what API servers send to webhooks.
//
// # Purpose
//
// An AdmissionReview is JSON with one or two objects in it. The general way goes over their text five
// times: to see that it is JSON, to find where they end, and to read them. A webhook that is called for
// every write of a route spends most of its time so. This package goes over it once.
//
// # Invariants
//
//   - What is read is what the general way reads, value by value: whole numbers are int64, the last of
//     two members of one name counts.
//   - Whatever is out of the ordinary is not read here, nor refused: the general way decides about it.
//     So no text is accepted here that it refuses.
//
// # What it must not do
//
// Know what a review is about, or decide what is malformed.
package wire
