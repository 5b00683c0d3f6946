// Package merge folds layers of JSON objects into one and remembers who set
// each leaf.
//
// It is the arithmetic of semantics sections 2 to 4: strategies Atomic and
// Patch (RFC 7386), overrides above inline values above defaults, folded from
// the most specific end, with the origin of every leaf and what it beat. It
// knows nothing of Kubernetes, of policy kinds or of fields: a layer is a JSON
// object and a number, and the caller knows whose the number is.
//
// Invariants: inputs are never changed, and results share what they can with
// them, so values must be treated as immutable on both sides; every leaf of a
// result has exactly one origin, and that origin's layer states exactly that
// value; a layer without a value contributes nothing.
//
// It must not import anything but the standard library.
package merge
