// Package eventually waits in tests until something holds, and gives up at a deadline. It is for
// conditions that no channel and no watch reports; where there is one, wait for that.
//
// # Invariants
//
// A wait ends at its limit, or with its context. It then reports the last reason why the condition did
// not hold, and not only that time is up.
//
// # What it must not do
//
// Be imported by anything that ships, or know what it waits for.
package eventually
