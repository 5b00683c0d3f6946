// Package console serves a page that shows the hierarchy, why a value applies, and
// what an edit would do.
//
// # Purpose
//
// The command "ui" serves it on the loopback interface, for one person, with what
// that person may read. The page answers with the words of the command: every
// answer of the API that a command has too is the same JSON, made by packages
// explain, preview and request.
//
// # Invariants
//
//   - Nothing is written, to a cluster or to a disk.
//   - Every answer is of one World, and says of which in its ETag.
//   - No answer is larger than MaxAnswer; lists come in pages, and say how many
//     there are in all.
//   - A request without the session gets the page and nothing that it shows. A
//     request under another host name or from another origin gets nothing.
//   - Names from a cluster are data in JSON, and text nodes in the page.
//
// # What it must not do
//
// Decide anything about policies, or find reasons. Import a client of an API
// server: who makes a Source reads it, with get, list and watch.
package console
