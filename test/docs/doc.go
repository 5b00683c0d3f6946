// Package docs holds the documentation to the truth: links lead somewhere,
// commands print what the pages say they print, rule numbers that comments cite
// exist, and every golden file is linked from the page whose rule it shows.
//
// In the pages, a block of the language "console" has commands behind "$ " and
// their output; "go test ./test/docs -update" writes the output anew. What is
// not to be run stands in a block of another language.
package docs
