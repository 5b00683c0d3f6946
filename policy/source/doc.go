// Package source reads manifests from files, folders and standard input, and
// returns them as an API server would store them.
//
// # Purpose
//
// A command that works only on manifests must see what a cluster would see:
// defaults filled in, and unknown fields and violated rules refused, with their
// place in the file. [Files] reads, [Input] is what was read.
//
// Objects are checked by the CustomResourceDefinitions of attache and of Gateway
// API, which are part of the binary (see package crds), and by those found in
// the input itself, which replace built-in ones of the same kind. So a folder
// that has the Gateway API CRDs of a cluster is checked as that cluster would
// check it. Objects of Kubernetes' own kinds, which every folder has, are
// returned unchecked.
//
// # Two YAML parsers
//
// Values are those of package kubeyaml, which reads as kubectl and API servers do: YAML
// 1.1, where on is a boolean and 0777 a number. It has no positions, and the parser
// that has them (go.yaml.in/yaml/v3) reads YAML 1.2. So all values come from the first
// parser. The second one is used only for lines, and asks the first about every key
// that may not be a string. TestBothParsersReadOneValue and FuzzBothParsersReadOneValue
// check that both agree: on anchors, merges, booleans, octal numbers and timestamps.
// Two keys that are the same key in the object, such as on and "true", are refused,
// since the first parser would keep one of them by chance.
//
// # Invariants
//
//   - The same input gives the same objects in the same order: by argument, then
//     by path, then by document.
//   - All problems are collected and returned together, as one [*Error], sorted;
//     a bad document never hides a good or another bad one.
//   - Every problem says the file, the document and the line.
//   - No input makes the reader panic, read forever, or use unbounded memory: see
//     [Limits].
//
// # What it must not do
//
// Talk to a cluster, decide what a policy means, or write anything.
package source
