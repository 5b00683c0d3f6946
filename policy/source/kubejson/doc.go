// Package kubejson reads JSON of Kubernetes objects in one pass over its text.
//
// # Purpose
//
// The general decoder passes over a text several times: to check that it is JSON, to find where its objects
// end, and to read them. A webhook that is called for every write of a route, and a manager that reads a
// whole cluster when it starts, spend most of their time on that. This package passes over the text once,
// and over what nobody wants to know without making anything of it.
//
// # Invariants
//
//   - The result is that of the general decoder, value by value: whole numbers are int64, and the last
//     of two members with the same name counts.
//   - Whatever is out of the ordinary is neither read nor refused here: the general decoder decides about
//     it. So no text is accepted here that it refuses.
//   - What is returned, but by Since, has no part of the text, whose memory the caller may use again.
//
// # What it must not do
//
// Know what a text is about, or decide what is malformed.
package kubejson
