package webhook

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/attache-dev/attache/test/eventually"
)

// signer is an authority of client certificates.
type signer struct {
	testing.TB
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newSigner(t testing.TB, name string) *signer {
	t.Helper()
	s := &signer{TB: t}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	s.certificate, s.key = s.sign(template, nil)
	return s
}

// sign makes a certificate, by its own key where nobody signs.
func (s *signer) sign(template *x509.Certificate, by *signer) (*x509.Certificate, *ecdsa.PrivateKey) {
	s.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	parent, signing := template, key
	if by != nil {
		parent, signing = by.certificate, by.key
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signing)
	if err != nil {
		s.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		s.Fatal(err)
	}
	return certificate, key
}

// caller is a client certificate.
func (s *signer) caller(name string, change ...func(*x509.Certificate)) tls.Certificate {
	s.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, f := range change {
		f(template)
	}
	certificate, key := s.sign(template, s)
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}
}

// writes puts authorities into a file, in the way of a mounted ConfigMap: the whole is replaced.
func (s *signer) writes(file string) {
	s.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.certificate.Raw})
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		s.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		s.Fatal(err)
	}
}

// Where callers need a certificate, the right one gets an answer with every version of TLS that is
// allowed, and no other caller does.
func TestOnlyCallersWithTheRightCertificateAreAnswered(t *testing.T) {
	ours, others := newSigner(t, "ours"), newSigner(t, "ours") // of the same name
	file := filepath.Join(t.TempDir(), "ca.crt")
	ours.writes(file)
	for version, name := range map[uint16]string{tls.VersionTLS11: "1.1", tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"} {
		for _, allow12 := range []bool{false, true} {
			r := serve(t, func(o *ServerOptions) {
				o.CallerAuthorities, o.CallerNames, o.AllowTLS12 = file, []string{"kube-apiserver", "proxy"}, allow12
			})
			speaks := version == tls.VersionTLS13 || version == tls.VersionTLS12 && allow12
			for caller, test := range map[string]struct {
				shows []tls.Certificate
				right bool
			}{
				"the API server":              {[]tls.Certificate{ours.caller("kube-apiserver")}, true},
				"another that may":            {[]tls.Certificate{ours.caller("proxy")}, true},
				"nobody":                      {nil, false},
				"somebody of that name":       {[]tls.Certificate{others.caller("kube-apiserver")}, false},
				"somebody else of ours":       {[]tls.Certificate{ours.caller("kubelet")}, false},
				"the API server of last year": {[]tls.Certificate{ours.caller("kube-apiserver", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })}, false},
				"a server's certificate": {[]tls.Certificate{ours.caller("kube-apiserver", func(c *x509.Certificate) {
					c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
				})}, false},
			} {
				t.Run(fmt.Sprintf("TLS %s, 1.2 allowed %v, %s", name, allow12, caller), func(t *testing.T) {
					client := r.client(func(c *tls.Config) { c.MinVersion, c.MaxVersion, c.Certificates = version, version, test.shows })
					defer client.CloseIdleConnections()
					answer, err := r.ask(t, client)
					if answered := err == nil && answer.StatusCode == http.StatusOK; answered != (test.right && speaks) {
						t.Errorf("answered: %v (%v)", answered, err)
					}
				})
			}
			right := r.client(func(c *tls.Config) { c.Certificates = []tls.Certificate{ours.caller("proxy")} })
			if _, err := r.ask(t, right); err != nil {
				t.Errorf("after all of them it does not answer: %v", err)
			}
			if err := r.Ready(httpRequest(t)); err != nil {
				t.Errorf("it is not ready: %v", err)
			}
		}
	}
}

func httpRequest(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Authorities are replaced without a restart. A caller that was trusted before no longer is, not
// even with a resumed session; and an empty file changes nothing.
func TestTheAuthoritiesOfCallersAreReplaced(t *testing.T) {
	before, after := newSigner(t, "before"), newSigner(t, "after")
	file := filepath.Join(t.TempDir(), "ca.crt")
	before.writes(file)
	r := serve(t, func(o *ServerOptions) { o.CallerAuthorities = file })
	sessions := tls.NewLRUClientSessionCache(1)
	old := r.client(func(c *tls.Config) {
		c.Certificates, c.ClientSessionCache = []tls.Certificate{before.caller("a")}, sessions
	})
	if _, err := r.ask(t, old); err != nil {
		t.Fatal(err)
	}
	resumed := func() bool {
		old.CloseIdleConnections()
		answer, err := r.ask(t, old)
		return err == nil && answer.TLS.DidResume
	}
	eventually.True(t, "a session is resumed", resumed) // the ticket comes with the first answer
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !resumed() {
		t.Error("a file that says nothing took a caller off")
	}
	after.writes(file)
	fresh := r.client(func(c *tls.Config) { c.Certificates = []tls.Certificate{after.caller("a")} })
	eventually.OK(t, eventually.Limit, "the new authority to be trusted", func(context.Context) error {
		fresh.CloseIdleConnections()
		_, err := r.ask(t, fresh)
		return err
	})
	old.CloseIdleConnections()
	if answer, err := r.ask(t, old); err == nil {
		t.Errorf("who is not trusted any more is answered: resumed %v", answer.TLS.DidResume)
	}
}

// Two writes can have the same time: file times have a coarse resolution.
func TestAuthoritiesThatAreReplacedAtOnceAreRead(t *testing.T) {
	before, after := newSigner(t, "before"), newSigner(t, "after")
	file := filepath.Join(t.TempDir(), "ca.crt")
	now := time.Now()
	before.writes(file)
	if err := os.Chtimes(file, now, now); err != nil {
		t.Fatal(err)
	}
	c, err := newCallers(file, nil, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	after.writes(file)
	if err := os.Chtimes(file, now, now); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(after.certificate)
	if !c.authorities().Equal(pool) {
		t.Error("the new authority is not read: its file has the time of the old one")
	}
}

func TestWithoutAuthoritiesTheServerDoesNotStart(t *testing.T) {
	folder := t.TempDir()
	certificate(t, folder, "attache")
	s := NewServer(handlersOf(t, world(t)), ServerOptions{Address: "127.0.0.1:0", CertDir: folder, CallerAuthorities: filepath.Join(folder, "none")})
	if err := s.Start(t.Context()); err == nil {
		t.Error("it starts, and answers whom?")
	}
}
