// Package vendors reads what other projects publish, their CRDs and their test
// data, for tests: from the module cache, at the versions and with the checksums
// that are pinned here. Nothing of it is copied into this repository.
//
// A machine without a network, and without the modules in its cache, skips the
// tests with a sentence; continuous integration does not.
//
// Its tests hold the product to that data. Nothing that ships may import it.
package vendors
