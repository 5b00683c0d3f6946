// Package golden holds the proof that the engine does what the pages say: one
// file for each rule that has a decision in it, with an input, what comes out,
// and prose that says why it must.
//
// A file is a txtar archive. Its comment is the prose; the last line of it,
// "Shows: R14, semantics 3.1", names the rules, and a test counts them. Then:
//
//   - inputs: sections with the name of a file, such as input.yaml. They are
//     what a person would write, neither defaulted nor sorted.
//   - "-- flags --": more flags for every command, such as --platform-namespaces,
//     or -f for input that is elsewhere in the repository. $STANDARD there is
//     the folder with the CRDs of Gateway API's standard channel; manifests are
//     otherwise checked by those of the experimental one.
//   - inputs below after/ take the place of the input of the same name, and
//     sections that begin with "after: " expect what then comes out.
//   - "-- effective --": the effective policies in one line for each scope.
//   - "-- explain KIND/NAME --" and every other command line: what the real
//     command prints, given all inputs or those that it names with -f. Lines of standard error start with "! ", and an exit code
//     other than 0 stands at the end.
//   - "-- hierarchy --": every listener with the kinds it supports and how many
//     routes are bound to it, what became of every ListenerSet, and after "!"
//     what is found about any object.
//   - "-- status --": the status of every policy, with a clock that stands still.
//   - "-- records --": the records of what admission puts into routes.
//
// "go test ./test/golden -update" writes the expected sections anew. Read the
// difference as if somebody else had made it: these files are the specification
// in examples, and a change here is a change of what the product means.
package golden
