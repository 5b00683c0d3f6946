// Package dataplane builds and runs what others make of Gateway API objects, for
// tests: Traefik, which sends real requests to real listeners, and egctl, which
// translates objects into the configuration of Envoy as Envoy Gateway does.
//
// # Where the programs come from
//
// Each has a nested module beside this file, which names nothing but it and what
// it requires, so that no requirement of a data plane is one of ours. [Program]
// builds it from its published sources, once for each version, and keeps it in the
// user's cache folder. "go run ./test/dataplane/prepare traefik egctl" does that
// ahead of tests; it takes minutes. It needs Go and a module proxy only.
//
// # Invariants
//
//   - What is started listens on loopback addresses only, reports to nobody and
//     asks nobody for updates.
//   - What is started ends with the test at the latest.
//   - Nothing of a data plane is copied into this repository.
//
// # What it must not do
//
// It must not import any other package of ours but test/controlplane, and nothing
// that ships may import it.
package dataplane
