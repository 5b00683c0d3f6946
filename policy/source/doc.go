// Package source reads manifests from files, folders and standard input, and
// hands them on as an API server would store them.
//
// # Purpose
//
// A command that works on manifests alone must see what a cluster would see:
// defaults filled in, unknown fields and broken rules refused, with the place in
// the file where they stand. [Files] reads, [Input] is what was read.
//
// Objects are checked by the CustomResourceDefinitions of attache and of Gateway
// API, which are part of the binary (see package crds), and by those found in
// the input itself, which take the place of built-in ones of the same kind. So a
// folder that carries the Gateway API CRDs of a cluster is checked as that
// cluster would. Kinds of Kubernetes itself, which every folder has, are handed
// on unchecked.
//
// # Two YAML parsers
//
// Values are those of package kubeyaml, which reads as kubectl and API servers do: YAML
// 1.1, where on is a truth value and 0777 a number. It knows no positions, and the
// parser that does (go.yaml.in/yaml/v3) reads YAML 1.2. So values come from the
// first alone, and the second, which is asked for lines only, has every key that
// may not be a text to the first. TestBothParsersReadOneValue and
// FuzzBothParsersReadOneValue hold them to one result: anchors, merges, truth
// values, octal numbers, timestamps. Two keys that are one in the object, such as
// on and "true", are refused, as the first parser would keep either by chance.
//
// # Invariants
//
//   - The same input gives the same objects in the same order: that of the
//     arguments, then of the path, then of the documents.
//   - All problems are collected and returned together, as one [*Error], sorted;
//     a bad document never hides a good or another bad one.
//   - Every problem says the file, the document and the line.
//   - Nothing that comes in makes the reader panic, read without end, or take
//     memory without bound: see [Limits].
//
// # What it must not do
//
// Talk to a cluster, decide what a policy means, or write anything.
package source
