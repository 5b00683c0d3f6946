// Package golden proves that the engine does what the pages say: for each rule that
// decides something there is a file with an input, the result, and prose that says
// why this must be the result.
//
// A file is a txtar archive. Its comment is the prose; the last line of it,
// "Shows: R14, semantics 3.1", names the rules, and a test counts them. Then:
//
//   - inputs: sections with the name of a file, such as input.yaml. They are
//     what a person would write, neither defaulted nor sorted.
//   - "-- flags --": more flags for every command, such as --platform-namespaces,
//     or -f for input that is elsewhere in the repository. $STANDARD there is
//     the folder with the CRDs of Gateway API's standard channel; otherwise
//     manifests are checked by those of the experimental one.
//   - inputs below after/ replace the input of the same name, and sections that
//     begin with "after: " expect the result of that.
//   - "-- effective --": the effective policies in one line for each scope.
//   - "-- explain KIND/NAME --" and every other command line: what the real
//     command prints, given all inputs or those that it names with -f. Lines of
//     standard error start with "! ", and an exit code other than 0 is at the end.
//   - "-- hierarchy --": every listener with the kinds it supports and how many
//     routes are bound to it, the state of every ListenerSet, and after "!" the
//     findings on all objects.
//   - "-- status --": the status of every policy, with a fixed clock.
//   - "-- records --": the records of what admission injects into routes.
//
// "go test ./test/golden -update" rewrites the expected sections. Review the
// difference as if somebody else had made it: these files are the specification
// in examples, and a change here is a change of what the product means.
package golden
