// Package publish has the two forms in which effective policies leave the engine, and reads both
// back: EffectivePolicy objects for people and programs, and the annotation on routes and Gateways
// for data planes.
//
// # Invariants
//
//   - What is read back says the same as what was written: after a restart the controller knows by
//     it what is in force.
//   - One result has one form, byte for byte: keys and lists are sorted.
//   - What has no room is left out and counted, never cut.
//   - The first form of EffectivePolicy, of before references were objects, can be read (firstform.go).
//
// # What it must not do
//
// Decide what is published, or write it: that is for package status and the controller.
package publish
