// Package enforcement chooses the exporter that enforces the policies of a class, divides a route
// into the parts that exporters see, and determines for every field whether it is enforced.
//
// # Invariants
//
//   - Every field of an effective policy of our kinds has an entry, even if nothing exports it.
//   - The worst state wins: a field that one data plane enforces and another does not is not
//     enforced.
//   - A data plane's status only counts for the generation that it is about.
//   - What routes share (Shared), or what is left from the last time (Memory), equals what is computed
//     for the route alone.
//
// # What it must not do
//
// Know a data plane's objects: package exporters does. Write anything.
package enforcement
