// Package alerts tests the alert rules of the chart with Prometheus' own engine: time series in,
// alerts out, at each minute in between. cases.yaml is in the format of "promtool test rules", which
// reads it, too.
//
// It is a module of its own, so that Prometheus is not a dependency of attache. Run "make alerts".
package alerts
