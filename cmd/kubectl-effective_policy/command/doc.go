// Package command is the command line "kubectl effective-policy".
//
// # Purpose
//
// Every subcommand makes a snapshot, of manifests or of a cluster, asks package
// explain or package preview for a report, and prints it. After the snapshot is
// made there is one code path, so the answers for the same objects are the same.
// The package is a list of equals: the files of each subcommand begin with its name.
// What they share is in packages workspace, planes and edit.
//
// get computes what it shows from the routes, Gateways and policies, on a
// cluster too; it does not read the EffectivePolicy objects there. So it answers
// before the controller has written them, and where it is not installed;
// "kubectl get effective-policy" shows what the controller wrote.
//
// # Invariants
//
//   - Exit codes: 0 fine, 1 the command's own finding, 2 it could not do its work.
//   - The answer goes to standard output, everything else to standard error.
//   - JSON and YAML have no colours and no sentences that depend on where the
//     objects came from.
//   - Output is sorted; the same input gives the same bytes.
//
// # What it must not do
//
// Decide anything or give reasons: the engine does, and the packages explain and preview. Write to
// a cluster. Import package webhook or package controller.
package command
