//go:build !linux

package conformance

// deafAddress is an address that does not answer: one that is kept for
// documentation.
func deafAddress() (address string, release func(), err error) {
	return "192.0.2.1:9", func() {}, nil
}
