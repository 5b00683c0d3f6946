// Package wire reads what API servers send to webhooks.
//
// # Purpose
//
// An AdmissionReview is JSON with one or two objects in it. The general decoder passes over their text
// five times: to check that it is JSON, to find where they end, and to read them. A webhook that is called
// for every write of a route spends most of its time on that. This package passes over the text once.
//
// # Invariants
//
//   - The result is that of the general decoder, value by value: whole numbers are int64, and the last
//     of two members with the same name counts.
//   - Whatever is out of the ordinary is neither read nor refused here: the general decoder decides about
//     it. So no text is accepted here that it refuses.
//
// # What it must not do
//
// Know what a review is about, or decide what is malformed.
package wire
