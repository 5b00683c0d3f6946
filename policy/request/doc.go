// Package request answers which listener, route and rule serve a request, and
// why the others do not.
//
// People do not think in objects but in requests: why does POST /pay time out
// after ten seconds? The effective policy of a request is that of the path that
// serves it, so the command, the page and guardrails about traffic ask here
// first. The rules are numbered Q1 to Q12 in docs/requests.md; comments name
// them where they decide something.
//
// # How it works
//
// Parse reads a question as people write it. New makes an Index of a Graph,
// and Next the index of a later Graph, which shares what did not change. Ask
// gives one Answer for each Gateway and port, with runners-up and notes. Match
// gives the winner alone, without any of that: it is for data planes.
//
// An Index builds the part of a Gateway when it is first asked of it: routes by
// hostname, and below each hostname the matches by path, every list sorted by
// precedence, so that the first match that fits is the one that serves.
//
// # Invariants
//
//   - The answer depends on the Graph and the question alone.
//   - An Index may be read by any number of goroutines.
//   - Asking allocates nothing for a candidate that does not match.
//   - Whatever the request holds is compared as text. Nothing of it is trusted,
//     and no request of any length or shape makes an answer fail.
//
// # What it must not do
//
// Read a cluster or a file, log, look at the clock, start goroutines, send
// anything, or know any policy kind. Who serves a request is its whole
// business; what applies to it then is policy/effective's.
package request
