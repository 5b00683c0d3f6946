// Package injected distinguishes what was put into the rules of a route from what its owner wrote
// there. An annotation on the route, the Record, says what was put in and what stood there before.
//
// # Invariants
//
//   - A record explains a leaf only where the leaf still has the value that was put in: a value
//     that the owner has written since then belongs to the owner (E8.4).
//   - The annotation is not trusted. It can only ever say what its writer could have written in the
//     route.
//   - Objects are never changed, except by SetLeaf.
//
// # What it must not do
//
// Decide what is put into a route: package policy/export does.
package injected
