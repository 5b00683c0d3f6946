// Package merge folds layers of JSON objects into one. It records who set each leaf, and why every
// other value is not in the result.
//
// It implements the rules of semantics sections 2 to 5: strategies Atomic and Patch (RFC 7386),
// folded level by level from the most specific end, then the values that the route rule itself
// states, field by field; with the origin of every leaf, what it beat, and the rule that removed
// what is not set. It knows nothing of Kubernetes, of policy kinds or of fields: a layer is a JSON
// object and a number, and the caller knows whose the number is.
//
// Invariants: inputs are never changed, and results share what they can with
// them, so values must be treated as immutable on both sides; every leaf of a
// result has exactly one origin, and that origin's layer states exactly that
// value (a joined list aside); every value that a layer states is in the
// result, or beaten by an origin, or lost, and never two of these; a layer
// without a value contributes nothing.
//
// It must not import anything but the standard library.
package merge
