// Package edit reads an edit, and the objects that it changes, for the subcommands that show the
// effect of an edit.
//
// # Purpose
//
// A Base is the state before an edit: manifests, a cluster, or nothing. With the manifests of an
// edit it becomes a Change of package preview.
//
// # Invariants
//
//   - An edit is read as an API server would read it: defaulted, pruned and validated.
//   - An object of a Base is older than every object that an edit creates.
//
// # What it must not do
//
// Judge an edit: packages preview and review do. Write to a cluster.
package edit
