// Package topology is the hierarchy as a graph of nodes and edges: what the command "graph" draws.
//
// # Purpose
//
// The graph contains everything above and below some objects, the policies attached there, and the
// related backends and namespaces, as data that can be printed as dot, Mermaid or JSON.
//
// # Invariants
//
//   - Nodes and edges are sorted; the same objects give the same graph.
//   - An object that is named but does not exist has a node, which says so.
//
// # What it must not do
//
// Print, or resolve effective policies.
package topology
