// Package pagetest runs "kubectl effective-policy ui" in the test's own process and calls its API, as
// a browser that opened the link would.
//
// # What it must not do
//
// Be imported by anything that ships, or decide what a test expects.
package pagetest
