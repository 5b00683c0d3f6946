// Package drawing lays out the map of the page: columns from the GatewayClass to the rule, nodes,
// and the edges between them.
//
// # Purpose
//
// Ten thousand routes do not fit on a screen. A column with more objects than it has room for folds
// similar ones into one node, which says how many it stands for.
//
// # Invariants
//
//   - A map has at most MaxNodes nodes, whatever the size of the world.
//   - The same view and filter give the same map, in the same order.
//   - A fold hides nothing: it counts its members, their findings and their changes.
//
// # What it must not do
//
// Know how the page draws, or decide which routes pass a filter.
package drawing
