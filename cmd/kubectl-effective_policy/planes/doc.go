// Package planes determines how data planes enforce the effective policies of a workspace.
//
// # Purpose
//
// It collects the input of package enforcement: the exporters that count as switched on, the CRD of
// HTTPRoute, and the objects of data planes' APIs. Subcommands get the objects that exporters
// write, routes with what is written into them, and an outcome for every field.
//
// # Invariants
//
//   - From manifests every exporter counts as switched on. From a cluster, nothing is computed
//     unless its data planes were read: the published results have the answer.
//   - Expensive results are computed when they are first needed.
//
// # What it must not do
//
// Decide what a data plane enforces: packages enforcement and export do. Write to a cluster.
package planes
