// Package console serves a page that shows the hierarchy, why a value applies, and what an edit
// would do.
//
// # Purpose
//
// The command "ui" serves it on the loopback interface, for one person, with what that person may
// read. Package view answers the questions of the page, and package drawing lays out its map. This
// package contains everything that concerns HTTP: the session, the format of answers, events, the
// edit that is currently shown, and the export of the page as one file.
//
// # Invariants
//
//   - Nothing is written, to a cluster or to a disk.
//   - Every answer comes from a single World, which its ETag identifies.
//   - No answer is larger than view.MaxAnswer.
//   - A request without the session gets the page, but none of its data. A request with another
//     host name or from another origin gets nothing.
//   - Names from a cluster are data in JSON, and text nodes in the page.
//
// # What it must not do
//
// Decide anything about policies, or find reasons. Import a client of an API server: the
// implementation of Source reads from it, with get, list and watch.
package console
