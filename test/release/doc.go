// Command release builds what a release consists of, into one folder: static programs for every
// platform, archives of the plugin, a software bill of materials of each program, an OCI image
// layout with one image for each architecture, the manifest of the plugin for krew, and checksums of
// all of it.
//
//	go run ./test/release --version v0.1.0 --out dist
//
// The same source, version and Go give the same bytes: paths, times and version control are kept
// out of what is built. Nothing is uploaded and nothing but Go is needed.
package main
