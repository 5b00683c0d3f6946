package main

import (
	"context"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func hexOf(id []byte) string { return hex.EncodeToString(id) }

// Profiles are served on loopback, and nowhere else.
func TestDebugIsOnLoopbackAlone(t *testing.T) {
	for _, address := range []string{":6060", "0.0.0.0:6060", "[::]:6060", "192.0.2.1:6060", "localhost:6060", "6060"} {
		if listener, err := debugListener(address); err == nil {
			t.Errorf("%s is taken: %v", address, listener.Close())
		}
	}
	if listener, err := debugListener(""); listener != nil || err != nil {
		t.Errorf("without an address: %v, %v", listener, err)
	}
	listener, err := debugListener("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serveDebug(ctx, listener) }()
	answer, err := http.Get("http://" + listener.Addr().String() + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("HTTP %d, %v", answer.StatusCode, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestMetricsAreServedAsTheFlagsSay(t *testing.T) {
	folder := t.TempDir()
	if o, err := (&metricsSettings{address: ":1"}).options(); err != nil || o.SecureServing || o.FilterProvider != nil || o.BindAddress != ":1" {
		t.Errorf("by default: %+v, %v", o, err)
	}
	if o, err := (&metricsSettings{secure: true}).options(); err != nil || !o.SecureServing || o.FilterProvider == nil {
		t.Errorf("secure: %+v, %v", o, err)
	}
	for name, s := range map[string]metricsSettings{
		"a certificate that is not served": {certDir: folder},
		"no certificate in the folder":     {secure: true, certDir: folder},
	} {
		if _, err := s.options(); err == nil || !strings.HasPrefix(err.Error(), "--metrics-cert-dir: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"tls.crt", "tls.key"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if o, err := (&metricsSettings{secure: true, certDir: folder}).options(); err != nil || o.CertDir != folder {
		t.Errorf("with a certificate: %+v, %v", o, err)
	}
}
