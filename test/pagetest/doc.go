// Package pagetest runs "kubectl effective-policy ui" in the test's own process and asks its API, as
// a browser would that opened the link.
//
// # What it must not do
//
// Be imported by anything that ships, or decide what a test expects.
package pagetest
