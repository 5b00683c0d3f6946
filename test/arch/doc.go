// Package arch checks the structure of the project: which package may import which, in the build's
// import graph. The table in table_test.go is the architecture; the table and the figure
// in ARCHITECTURE.md and the linter's rules are generated from it.
package arch

//go:generate go test -run ^TestGenerated$ -update .
