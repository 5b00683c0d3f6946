// Package injected tells what was put into the rules of a route from what its owner wrote there. An
// annotation on the route, the Record, says what was put in and what stood there before.
//
// # Invariants
//
//   - A record explains a leaf only where the leaf still has the value that was put in: what its
//     owner wrote since then is the owner's (E8.4).
//   - The annotation is not trusted. It can only ever say what its writer could have written in the
//     route.
//   - Objects are never changed, but for SetLeaf, whose purpose that is.
//
// # What it must not do
//
// Decide what is put into a route: that is package policy/export.
package injected
