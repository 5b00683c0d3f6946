// Package ingress2gateway lets ingress2gateway, the converter of the Kubernetes
// project, judge migrations: plain Ingresses come out with the same routing from both,
// and what it is known to get wrong stands here, each fault with the case that shows
// it. It is built of a nested module (package dataplane) and no part of what ships.
//
// "make ingress2gateway" runs it; without ATTACHE_INGRESS2GATEWAY in the environment,
// or where it cannot be built, the tests are skipped with a sentence.
package ingress2gateway
