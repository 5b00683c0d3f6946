// Package statement has policies before they are written: which fields are stated, and on
// which routes or Gateways.
//
// # Purpose
//
// Wants are the fields that follow from an Ingress, a Service or the defaults of a controller.
// Statements place them: on the routes of an Ingress (M44), on rules (M45) or above routes
// (M46). A Writer makes policies of them and remembers where each field is stated, for the
// findings.
//
// # Invariants
//
//   - Times are written as GEP-2257 defines them; one that cannot be written is left out.
//   - A list of retry conditions stays with the number of retries that it was stated with.
//   - A policy has at most 16 targets.
//
// # What it must not do
//
// Read annotations, or decide where a field is stated: packages controller, oldside, newside
// and lift do.
package statement
