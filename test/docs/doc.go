// Package docs checks the documentation: links lead somewhere, commands print what
// the pages say they print, rule numbers that comments cite exist, and every golden
// file is linked from the page whose rule it shows.
//
// In the pages, a block of the language "console" has commands after "$ " and
// their output; "go test ./test/docs -update" rewrites the output. What must not be
// run is in a block of another language.
package docs
