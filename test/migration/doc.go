// Package migration walks through a migration on a real API server, as a user would:
// migrate, apply, verify and status with read-only rights, until the last Ingress can be
// deleted.
//
// The test writes what a data plane would report, and runs its own DNS server; package
// traffic has a real data plane. It must not test what files can show: the golden files
// do that.
package migration
