// Package migration walks through a migration on a real API server, as its user does:
// migrate, apply, verify and status with rights to read alone, until the last Ingress can
// be deleted.
//
// What a data plane would report is written by the test, and DNS is a server of the test;
// package traffic has a real data plane. It must not test what files show as well: that
// is in the golden files.
package migration
