// Package crd reads a CustomResourceDefinition once, for everybody who needs to know.
//
// # Purpose
//
// A policy kind is nothing but its CRD: which version to read it in, where its blocks stand, what
// its schema permits, and what the annotations attache.dev/* say about it. Package policy parses
// policies by it, package validate compiles its schema, source/cluster watches its objects, and the
// command prints it. They all ask [Known.Read], so that they never differ.
//
// What a vendor does not write on its CRDs can be known from elsewhere: a [Profile] says the same
// things as the annotations. For each property the first that says it counts: an annotation, a
// profile, and then, for the class alone, the label and the configuration. [Definition.Sources] says
// which it was.
//
// # Invariants
//
//   - The package is pure: no I/O, no clock, no package variables but tables.
//   - Names in annotations are paths from the block, with one syntax, [ParsePath]. A name that the
//     schema does not have is a [Fault] and is left out; the names beside it count.
//   - Faults are sorted. Nothing here fails because a CRD is wrong about itself.
//
// # What it must not do
//
// Know any kind by name, merge values, or keep the CRD: a [Definition] holds what it read, and the
// schema only until its reader drops it.
package crd
