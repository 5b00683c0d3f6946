// Package edit reads an edit, and the objects that it is made to, for the subcommands that tell what an
// edit would do.
//
// # Purpose
//
// A Base is what is edited: manifests, a cluster, or nothing. With the manifests of an edit it becomes a
// Change of package preview.
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
