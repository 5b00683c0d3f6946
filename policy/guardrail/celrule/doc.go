// Package celrule compiles the CEL expressions of a guardrail into rules.
//
// # Purpose
//
// [Compile] parses, type-checks and prices the expressions of one guardrail and makes a
// guardrail.Rule of each. The language is that of ValidatingAdmissionPolicy: the environment comes
// from the API server's own library (k8s.io/apiserver/pkg/cel/environment) at a fixed version, so
// duration, quantity, url, regex, ip, cidr, sets, lists, format, semver, optionals and two-variable
// comprehensions are there with the prices that Kubernetes gives them (and some of our own on top,
// see prices), and an expression means the same here and there. Building the same list on cel-go
// alone would save nothing: apiextensions-apiserver, which validates objects offline, brings that
// library along anyway.
//
// The variables are those of guardrail.Names, all of type dyn. A variable that
// the input does not have is null. Since CEL reserves the word namespace, that
// variable is called namespaceObject, as in ValidatingAdmissionPolicy.
//
// # Invariants
//
//   - An expression sees its input and nothing else: no I/O, no clock, no
//     random numbers. The same input always gets the same answer.
//   - Cost limit, deadline and interruption are enabled for every evaluation; state tracking and
//     exhaustive evaluation, which disable the cost limit, are never enabled.
//   - Cost alone does not limit time or memory, because it is counted after a call. So every call
//     checks its arguments first: the length of strings, the size of a list with everything in it,
//     the cost of a regular expression.
//   - An expression that cannot be evaluated is an error, never "no finding".
//
// # What it must not do
//
// Import package regorule or a client; decide the consequences of an error.
package celrule
