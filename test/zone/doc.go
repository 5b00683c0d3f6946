// Package zone answers the DNS look-ups of a test: names lead to where the test says.
//
// # Invariants
//
// While a zone is served, every look-up of the process goes to it and none to the machine's
// resolver; a name that nobody led anywhere does not exist.
//
// # What it must not do
//
// Be imported by anything that ships, or be served by two tests of one process at a time.
package zone
