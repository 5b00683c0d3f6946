// Package worldtest has what tests of many packages need: manifests as objects, the CRDs of this
// project, and snapshots of small worlds.
//
// # What it must not do
//
// Be imported by anything that ships, or decide what a test expects.
package worldtest
