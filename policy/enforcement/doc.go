// Package enforcement chooses the exporter that enforces the policies of a class, cuts a route into
// the parts that exporters see, and says of every field whether it is enforced.
//
// # Invariants
//
//   - Every field of an effective policy of our kinds has an entry, also where nothing exports it.
//   - The worst state wins: what one data plane enforces and another does not is not enforced.
//   - A data plane's word counts for the generation that it is about, and for no other.
//
// # What it must not do
//
// Know a data plane's objects: package exporters does. Write anything.
package enforcement
