// Package request answers which listener, route and rule serve a request, and
// why the others do not.
//
// People do not think in objects but in requests: why does POST /pay time out after ten seconds?
// The effective policy of a request is that of the path that serves it, so the command, the page
// and guardrails about traffic use this package first. The rules are numbered Q1 to Q12 in
// docs/requests.md; comments refer to these numbers.
//
// # How it works
//
// Parse reads a question as people write it. New creates an Index of a Graph, and Next the index of
// a later Graph, which shares what did not change. Ask returns one Answer for each Gateway and
// port, with runners-up and notes. Match returns only the winner: it is for data planes.
//
// An Index builds the part of a Gateway when it is first needed: routes by hostname, and below each
// hostname the matches by path. Every list is sorted by precedence, so that the first match that
// fits serves the request.
//
// # Invariants
//
//   - The answer depends only on the Graph and the question.
//   - An Index may be read by any number of goroutines.
//   - Asking allocates nothing for a candidate that does not match.
//   - The contents of a request are compared as text. They are not trusted, and no request,
//     whatever its length or form, makes an answer fail.
//
// # What it must not do
//
// Read a cluster or a file, log, look at the clock, start goroutines, send anything, or know any
// policy kind. This package only determines what serves a request; policy/effective determines
// which values apply to it.
package request
