// Package regorule compiles the Rego module of a guardrail into a rule.
//
// # Purpose
//
// [Compile] takes a Rego v1 module that defines one or both of the sets deny and
// warn, and makes one rule that reads them. An entry is a message, or an object
// {msg, fieldPath?, code?}.
//
// It only uses OPA's compiler and evaluator (packages ast and topdown), not package rego, which
// depends on bundles, plugins and a loader: a query is compiled once, and each evaluation gets the
// part of the input that the module refers to as native values.
//
// # Invariants
//
//   - A module sees its input and nothing else: the builtin functions are a list of
//     what is allowed, and none of them reads a clock, a network, an environment
//     or random numbers. The same input always gets the same answer.
//   - Errors of builtin functions are errors. Rego's own default, "undefined",
//     would turn a mistake into "no violation".
//   - Rego has no cost model, so evaluation counts steps and stops at a limit, the same on every
//     machine; a deadline is the fallback. Steps do not limit what a single function does, so
//     expensive functions check their arguments first; a compiled module counts the keys that it
//     puts into tables and the values that it compares; and values that are built from many copies
//     of others, which takes few steps, are refused when the module is compiled.
//   - An expression that cannot be evaluated is an error, never "no finding".
//
// # What it must not do
//
// Import package celrule or a client; decide what follows from an error.
package regorule
