// Package vendors reads what other projects publish, their CRDs and their test
// data, for tests: from the module cache, at the versions and with the checksums
// that are pinned here. None of it is copied into this repository.
//
// On a machine without a network, and without the modules in its cache, the tests
// are skipped with a message; in continuous integration they are not.
//
// Its tests hold the product to that data. Nothing that ships may import it.
package vendors
