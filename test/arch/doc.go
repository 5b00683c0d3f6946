// Package arch holds the project to its structure: which package may import
// which, checked over the build's own import graph. The table in arch_test.go
// is the architecture; ARCHITECTURE.md explains it.
package arch
