// Package topology is the hierarchy as a graph of nodes and edges: what the command "graph" draws.
//
// # Purpose
//
// Everything above and below some objects, the policies attached there, and the backends and
// namespaces that are part of it, as data that can be printed as dot, Mermaid or JSON.
//
// # Invariants
//
//   - Nodes and edges are sorted; the same objects give the same graph.
//   - A node that is named and does not exist is there, and says so.
//
// # What it must not do
//
// Print, or resolve effective policies.
package topology
