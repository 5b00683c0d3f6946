package webhook

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/attache-dev/attache/test/eventually"
)

// certificate writes a self-signed certificate into a folder and returns a pool
// that trusts it.
func certificate(t *testing.T, folder, name string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for file, data := range map[string][]byte{"tls.crt": crt, "tls.key": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(filepath.Join(folder, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(crt)
	return pool
}

// running is a server with how to end it.
type running struct {
	*Server
	pool   *x509.CertPool
	folder string
	end    context.CancelFunc
	ended  chan error
}

func serve(t *testing.T, change ...func(*ServerOptions)) *running {
	t.Helper()
	return serveWith(t, handlersOf(t, world(t)), change...)
}

func serveWith(t *testing.T, h *Handlers, change ...func(*ServerOptions)) *running {
	t.Helper()
	o := ServerOptions{Address: "127.0.0.1:0", CertDir: t.TempDir()}
	for _, f := range change {
		f(&o)
	}
	r := &running{folder: o.CertDir, pool: certificate(t, o.CertDir, "attache"), ended: make(chan error, 1)}
	r.Server = NewServer(h, o)
	ctx, cancel := context.WithCancel(t.Context())
	r.end = cancel
	go func() { r.ended <- r.Start(ctx) }()
	t.Cleanup(cancel)
	eventually.OK(t, eventually.Limit, "the server to listen", func(context.Context) error {
		select {
		case err := <-r.ended:
			return eventually.Final(fmt.Errorf("it ended: %w", err))
		default:
		}
		if r.Address() == "" {
			return errors.New("it has no address")
		}
		return nil
	})
	return r
}

func (r *running) client(change ...func(*tls.Config)) *http.Client {
	config := &tls.Config{RootCAs: r.pool, ServerName: "attache", NextProtos: []string{"h2", "http/1.1"}}
	for _, f := range change {
		f(config)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}, Timeout: 10 * time.Second}
}

func (r *running) ask(t *testing.T, c *http.Client) (*http.Response, error) {
	t.Helper()
	answer, err := c.Post("https://"+r.Address()+ValidatePath+"?timeout=5s", "application/json", bytes.NewReader(create(t, checkout).body(t)))
	if err == nil {
		defer answer.Body.Close()
	}
	return answer, err
}

func TestTheServerSpeaksTLS13AndHTTP11Alone(t *testing.T) {
	r := serve(t)
	answer, err := r.ask(t, r.client())
	if err != nil || answer.ProtoMajor != 1 || answer.TLS.Version != tls.VersionTLS13 {
		t.Errorf("%+v, %v", answer, err)
	}
	if _, err := r.ask(t, r.client(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })); err == nil {
		t.Error("TLS 1.2 is accepted")
	}
	old := serve(t, func(o *ServerOptions) { o.AllowTLS12 = true })
	if _, err := old.ask(t, old.client(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })); err != nil {
		t.Errorf("TLS 1.2 where it is allowed: %v", err)
	}
	if _, err := old.ask(t, old.client(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 })); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
}

func TestANewCertificateIsServedWithoutARestart(t *testing.T) {
	r := serve(t)
	r.pool = certificate(t, r.folder, "attache")
	eventually.True(t, "the new certificate is served", func() bool {
		_, err := r.ask(t, r.client())
		return err == nil
	})
}

func TestWithoutACertificateTheServerSaysWhichFileItMisses(t *testing.T) {
	folder := t.TempDir()
	err := NewServer(handlersOf(t, world(t)), ServerOptions{Address: "127.0.0.1:0", CertDir: folder}).Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "tls.crt") || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %v", err)
	}
}

func TestIdleConnectionsAreClosedByAPIServersFirst(t *testing.T) {
	theirs := utilnet.SetTransportDefaults(&http.Transport{}).IdleConnTimeout
	if theirs == 0 || idleTimeout <= theirs {
		t.Errorf("we close them after %s, API servers after %s", idleTimeout, theirs)
	}
}

func TestAnEndingServerServesUntilTheDrainDelayIsOver(t *testing.T) {
	r := serve(t, func(o *ServerOptions) { o.DrainDelay = 300 * time.Millisecond })
	ready := func() error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.Ready(request)
	}
	if err := ready(); err != nil {
		t.Fatal(err)
	}
	client := r.client()
	if answer, err := r.ask(t, client); err != nil || answer.Close {
		t.Fatalf("%+v, %v", answer, err)
	}
	r.end()
	eventually.True(t, "the server is not ready any more", func() bool { return ready() != nil })
	if answer, err := r.ask(t, client); err != nil || answer.StatusCode != http.StatusOK || !answer.Close {
		t.Errorf("while it drains: %+v, %v", answer, err)
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", r.Address()); err == nil {
		t.Error("it still listens")
	}
}
