// Package bench measures the engine on large clusters: 10,000 HTTPRoutes with
// two rules and two parentRefs on 500 Gateways with four listeners, three
// policy kinds on every class, Gateway and tenth route, and the same shape from
// 1,000 to 20,000 routes. "make bench" runs it and compares runs with
// benchstat; docs/benchmarks.md holds the figures.
//
// Timings are looked at, never asserted: the machine they run on is shared.
package bench
