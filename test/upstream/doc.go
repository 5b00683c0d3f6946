// Package upstream reads the request tables of Gateway API's own conformance
// suite: which request goes to which backend, given which manifests.
//
// They are read from the source of the suite's Go module at test time, so that
// they are the original and not a copy. A case that is not written as a literal (a
// load test, a loop that makes cases) is not read; Suite.Skipped names the tests
// from which nothing could be read.
//
// It must not decide anything: its callers compare what a case asserts.
package upstream
