package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/go-logr/logr"
)

// callers says who may call: who holds a client certificate that an authority signed, with one of
// some names if there are any.
type callers struct {
	file  string // PEM
	names []string
	log   logr.Logger

	mu    sync.Mutex
	pool  *x509.CertPool
	about os.FileInfo // of what was read last
}

func newCallers(file string, names []string, log logr.Logger) (*callers, error) {
	c := &callers{file: file, names: names, log: log}
	if err := c.read(); err != nil {
		return nil, err
	}
	return c, nil
}

// read reads the file again if it has changed since.
func (c *callers) read() error {
	about, err := os.Stat(c.file)
	if err != nil {
		return fmt.Errorf("reading who may call: %w", err)
	}
	if c.pool != nil && sameFile(about, c.about) {
		return nil
	}
	text, err := os.ReadFile(c.file)
	if err != nil {
		return fmt.Errorf("reading who may call: %w", err)
	}
	c.about = about
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("reading who may call: %s has no certificate in PEM", c.file)
	}
	c.pool = pool
	return nil
}

// sameFile reports whether a file was not written since. Time alone does not tell: two writes can
// bear the same time, which has steps of some milliseconds.
func sameFile(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// authorities are those of now. What cannot be read leaves those of before.
func (c *callers) authorities() *x509.CertPool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.read(); err != nil {
		c.log.Error(err, "Callers are held to the authorities that were read before")
	}
	return c.pool
}

// verify decides about a connection. It is called for resumed sessions, too, whose certificates
// crypto/tls does not look at again.
func (c *callers) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the caller has no client certificate")
	}
	leaf, intermediates := state.PeerCertificates[0], x509.NewCertPool()
	for _, certificate := range state.PeerCertificates[1:] {
		intermediates.AddCert(certificate)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: c.authorities(), Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("the client certificate of %q is not accepted: %w", leaf.Subject.CommonName, err)
	}
	if len(c.names) > 0 && !slices.Contains(c.names, leaf.Subject.CommonName) {
		return fmt.Errorf("the client certificate is that of %q, not of %s", leaf.Subject.CommonName, strings.Join(c.names, " or "))
	}
	return nil
}
