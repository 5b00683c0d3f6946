// Package dataplane builds and runs other projects' implementations of Gateway API,
// for tests: Traefik, which serves real requests on real listeners, and egctl, which
// translates objects into the configuration of Envoy as Envoy Gateway does.
//
// # Where the programs come from
//
// Each has a nested module beside this file, which requires only that program, so
// that no requirement of a data plane becomes one of ours. [Program] builds it from
// its published sources, once for each version, and keeps it in the user's cache
// folder. "go run ./test/dataplane/prepare traefik egctl" does that before the
// tests; it takes minutes. It needs only Go and a module proxy.
//
// # Invariants
//
//   - Programs listen only on loopback addresses, report to nobody and ask nobody
//     for updates.
//   - Programs end with the test at the latest.
//   - Nothing of a data plane is copied into this repository.
//
// # What it must not do
//
// It must not import any other package of ours but test/controlplane, and nothing
// that ships may import it.
package dataplane
