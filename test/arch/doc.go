// Package arch holds the project to its structure: which package may import which, checked over the
// build's own import graph. The table in table_test.go is the architecture; the table and the figure
// in ARCHITECTURE.md and the linter's rules are generated from it.
package arch

//go:generate go test -run ^TestGenerated$ -update .
