// Package worlds checks the engine against a second implementation of binding
// and precedence: a page of plain loops that shares no code with the product,
// slow and obvious. Both are given thousands of small random worlds, and the
// smallest world on which they disagree is printed.
//
// The loops are written from the rules (docs/binding.md, docs/semantics.md),
// not from the product. When the two disagree, read the rule, then mend
// whichever of them is wrong.
package worlds
