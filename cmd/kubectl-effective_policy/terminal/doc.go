// Package terminal writes text for people: tables, rows that wrap, colours, and a line of progress.
//
// # Invariants
//
//   - Text of others cannot control the terminal: invisible characters are made visible.
//   - Text fits a screen, and no name is cut.
//   - Without a terminal there are no colours, and no progress.
//
// # What it must not do
//
// Know what it prints.
package terminal
