// Package ingress2gateway lets ingress2gateway, the converter of the Kubernetes
// project, judge migrations: plain Ingresses get the same routing from both, and for
// each thing that it is known to get wrong there is a case here. It is built from a
// nested module (package dataplane) and is not part of what ships.
//
// "make ingress2gateway" runs it; without ATTACHE_INGRESS2GATEWAY in the environment,
// or where it cannot be built, the tests are skipped with a message.
package ingress2gateway
