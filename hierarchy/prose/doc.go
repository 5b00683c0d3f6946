// Package prose writes the small parts of sentences that messages share: counts, lists that stop
// after a few entries, texts that are cut to fit, and guesses at misspelled words.
//
// # Invariants
//
//   - The same input gives the same text; nothing depends on the order of a map.
//   - A text is never cut inside a character.
//
// # What it must not do
//
// Import anything outside the standard library, or know what a message is about.
package prose
