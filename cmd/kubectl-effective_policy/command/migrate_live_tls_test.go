package command

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// liveTLSWorld serves a host by https, and has a rule for HEAD alone.
var liveTLSWorld = strings.NewReplacer(
	"MORE", "  tls: [{hosts: [shop.example.com], secretName: shop}]", "SECTION", "https",
	"LISTENERS", "{name: http, port: 80, protocol: HTTP}, {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: shop}]}}",
	"PATHS", `{path: /a, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}`,
	"RULES", `  - matches: [{path: {value: /a}, method: HEAD}]
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {value: /a}}]
    backendRefs: [{name: a, port: 80}]`,
).Replace(liveSides) + `
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: redirect, namespace: shop}
spec:
  parentRefs: [{name: edge, sectionName: http}]
  hostnames: [shop.example.com]
  rules: [{filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 308}}]}]
`

// authority signs certificates of a test.
type authority struct {
	*testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	// file has its certificate.
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{T: t, file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.certificate, a.key = a.sign(template, nil, nil)
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) sign(template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	if parent == nil {
		parent, by = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		a.Fatal(err)
	}
	made, err := x509.ParseCertificate(raw)
	if err != nil {
		a.Fatal(err)
	}
	return made, key
}

// side is a server with a certificate for a name, which answers HEAD with a status of its
// own. It counts the methods that it is asked with.
func (a *authority) side(name string, head int, asked *methods) *httptest.Server {
	a.Helper()
	made, key := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, a.certificate, a.key)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "shop.example.com" || r.TLS.ServerName != "shop.example.com" || r.ContentLength > 0 || r.Header.Get("Authorization") != "" {
			a.Errorf("it was sent %s %s with host %s in the handshake for %s", r.Method, r.URL, r.Host, r.TLS.ServerName)
		}
		asked.add(r.Method)
		switch {
		case r.URL.Path != "/a" && !strings.HasPrefix(r.URL.Path, "/a/"):
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodHead:
			w.WriteHeader(head)
		}
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{made.Raw}, PrivateKey: key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are part of the test
	s.StartTLS()
	a.Cleanup(s.Close)
	return s
}

type methods struct {
	sync.Mutex
	count map[string]int
}

func (m *methods) add(name string) {
	m.Lock()
	defer m.Unlock()
	m.count[name]++
}

// TestLiveByHTTPS: with the authority of both sides their answers are compared, by GET and
// HEAD, with the name of the host in the handshake. A certificate that nobody trusts or
// that is for another name is no answer (M80, M81).
func TestLiveByHTTPS(t *testing.T) {
	ca := newAuthority(t)
	for _, c := range []struct {
		name, certificate string
		head              int
		flags             []string
		code              int
		want              string
	}{
		{"equal", "shop.example.com", 200, []string{"--ca", ca.file}, 0, "0 different, 0 announced, 0 unstable, 0 not what the model says, 0 without an answer"},
		{"HEAD differs", "shop.example.com", 405, []string{"--ca", ca.file}, 1, "live different  shop.example.com  curl -I --connect-to ::GATEWAY: https://shop.example.com/a"},
		{"nobody trusts", "shop.example.com", 200, nil, 1, "certificate signed by unknown authority"},
		{"for another name", "other.example.com", 200, []string{"--ca", ca.file}, 1, "certificate is valid for other.example.com, not shop.example.com"},
		{"every certificate", "other.example.com", 200, []string{"--insecure"}, 0, "0 without an answer"},
		{"no certificates", "shop.example.com", 200, []string{"--ca", "migrate_live_tls_test.go"}, 2, "has no certificate: give a file in PEM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, after := &methods{count: map[string]int{}}, &methods{count: map[string]int{}}
			out, code := compareLive(t, liveTLSWorld, append([]string{"--timeout", "60s",
				"--old", ca.side("shop.example.com", 200, before).URL, "--new", ca.side(c.certificate, c.head, after).URL}, c.flags...)...)
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("exit %d, want %d and %q:\n%s", code, c.code, c.want, out)
			}
			if c.code == 0 && (after.count["GET"] == 0 || after.count["HEAD"] == 0 || len(after.count) != 2 || before.count["HEAD"] == 0) {
				t.Errorf("the sides were asked %v and %v", before.count, after.count)
			}
		})
	}
}
