// Package ingress decodes Ingresses, once, and holds what their annotations state.
//
// # Purpose
//
// The rest of a migration reads an Ingress instead of an unstructured object: rules, paths,
// backends, TLS and age (M91, M92). Settings are the annotations that a controller accepts,
// under their short names, whatever its prefix is.
//
// # Invariants
//
//   - An Ingress that is not as the API defines it is still decoded: the part that is
//     wrong is left out and named.
//   - The digest of an Ingress covers its spec and its annotations, and nothing else.
//
// # What it must not do
//
// Know what an annotation means or which controller an Ingress belongs to: package
// controller does. Interpret the data of Secrets or the text of snippets.
package ingress
