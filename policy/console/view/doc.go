// Package view answers the questions of the page about one world.
//
// # Purpose
//
// A View is a World with everything that follows from it: the routes, what applies on their paths,
// and the policies by the objects to which they are attached. Its methods answer the questions of the
// API, each with a value that is encoded as JSON. Answers that a command gives, too, are made by
// packages explain and request, so that both say the same.
//
// # Invariants
//
//   - A World and its View do not change. An edit makes another View, which shares what the edit
//     does not touch.
//   - Lists come in pages, and say how many entries there are in all. An answer that has to be cut
//     stays within MaxAnswer.
//   - What the reader is not permitted to list is not guessed: a question that depends on it is
//     Refused.
//
// # What it must not do
//
// Know HTTP, sessions or files. Decide anything about policies, or find reasons.
package view
