// Package draft has what exporters share while they project a route: its rules with what applies to
// them, and drafts of the outcomes.
//
// # Purpose
//
// RulesOf compares the paths of each rule and reads the values on which they agree, and what the
// route's owner wrote there. An exporter then adds to the draft of each field where the value is written
// and every reason why it is not in force as stated. The final outcomes are made from the drafts, so
// that all exporters choose reasons in the same way (E4.3).
//
// # Invariants
//
//   - A field on which paths disagree is never written for all of them (E6.1).
//   - A field that no exporter mentions is reported as one that the data plane does not have.
//   - Nothing is written into a route unless all classes that read it agree and consent (E6.2, E8.2).
//
// # What it must not do
//
// Know the objects of a data plane.
package draft
