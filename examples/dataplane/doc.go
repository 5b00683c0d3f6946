// Command dataplane is a small reverse proxy that enforces effective policies as
// the annotation on routes states them: a reference for authors of data planes
// and a test bed, not a product (README.md says what it is not). It binds with
// package hierarchy, matches with policy/request, and reads the annotation with
// policy/v1alpha1/annotation. One idea is in one file: world.go watches,
// settings.go reads what applies, proxy.go answers, attempt.go tries backends,
// limit.go counts, serve.go opens ports, status.go reports.
package main
