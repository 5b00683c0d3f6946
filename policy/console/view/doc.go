// Package view answers the questions of the page about one world.
//
// # Purpose
//
// A View is a World with everything that follows from it: the routes, what applies on their paths,
// the policies by what they are attached to. Its methods answer the questions of the API, each with
// a value that is encoded as JSON. Every answer that a command has too is made by packages explain
// and request, so that both say the same.
//
// # Invariants
//
//   - A World and its View do not change. An edit makes another View, which shares what the edit
//     does not touch.
//   - Lists come in pages, and say how many entries there are in all. An answer that has to be cut
//     keeps MaxAnswer.
//   - What the reader may not list is not guessed: a question that depends on it is Refused.
//
// # What it must not do
//
// Know HTTP, sessions or files. Decide anything about policies, or find reasons.
package view
