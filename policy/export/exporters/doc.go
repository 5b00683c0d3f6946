// Package exporters has the exporters and their registry.
//
// The package is a list of equals. The files of a data plane carry its name, and registry.go lists
// the exporters. kgateway and agentgateway are built like Envoy Gateway and use its rules (envoy.go);
// both merge policies field by field (merging.go).
//
// # Invariants
//
// Those of package export, which every exporter keeps. One property test holds for all of them.
//
// # What it must not do
//
// Import a data plane's Go module. Export policy kinds other than our three: package field names
// them and their fields, and nothing else knows them.
package exporters
