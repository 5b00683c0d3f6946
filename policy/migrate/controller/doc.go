// Package controller knows the ingress controllers that a migration can start from.
//
// # Purpose
//
// Each controller has a file with its tables: one Row for each annotation, and one for each
// key of its ConfigMap, with the values that its parser accepts and how they are converted
// (M41). For all but ingress-nginx the file also says what an annotation becomes in a
// policy; those of ingress-nginx depend on each other and on locations, which package
// oldside reads. Beside the tables is what all controllers share: how an Ingress is
// assigned to one (M6), its ConfigMap (M9), and the number of its replicas (M55).
//
// # Invariants
//
//   - An annotation that has no row is unknown: nothing is dropped silently.
//   - Every name of a table is from the controller's own source or documentation, in the
//     version that the table names.
//
// # What it must not do
//
// Know routes, or report findings other than conflicts between Ingresses of one controller.
package controller
