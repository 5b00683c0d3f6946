// Package crd reads a CustomResourceDefinition in one place for all packages.
//
// # Purpose
//
// A policy kind is defined by its CRD alone: in which version to read it, where its blocks are,
// what its schema permits, and what the annotations attache.dev/* declare. Package policy parses
// policies by it, package validate compiles its schema, source/cluster watches its objects, and the
// command prints it. All of them call [Known.Read], so that they never differ.
//
// What a vendor does not write on its CRDs can come from elsewhere: a [Profile] declares the same
// properties as the annotations. For each property, the first source that declares it counts: an
// annotation, a profile, and then, only for the class, the label and the configuration.
// [Definition.Sources] says which source it was.
//
// # Invariants
//
//   - The package is pure: no I/O, no clock, no package variables except tables.
//   - Names in annotations are paths from the block, with one syntax, [ParsePath]. A name that the
//     schema does not have is a [Fault] and is ignored; the other names still count.
//   - Faults are sorted. A wrong declaration on a CRD never makes reading fail.
//
// # What it must not do
//
// Know any kind by name, merge values, or keep the CRD: a [Definition] holds what was read, and the
// schema only until the caller drops it.
package crd
