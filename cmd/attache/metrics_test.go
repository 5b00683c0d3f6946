package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
