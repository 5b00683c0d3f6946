// Package workspace opens what the subcommands of "kubectl effective-policy" work on.
//
// # Purpose
//
// Flags are the flags that every subcommand has. Their methods open what these name: a Workspace of
// manifests or of a cluster, a connection, or the published EffectivePolicy objects, for users who
// may read nothing else. A Workspace finds objects by the names that people write, and completes
// them.
//
// # Invariants
//
//   - After a Workspace is made, nothing depends on where its objects came from.
//   - The error for an unknown name suggests similar names.
//   - What is left out or passed over is reported once, on standard error.
//
// # What it must not do
//
// Know a subcommand. Write to a cluster.
package workspace
