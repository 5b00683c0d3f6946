package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// debugListener listens for /debug, only on loopback, because profiles can contain data of the
// process. Use "kubectl port-forward" to reach it. It is nil without an address.
func debugListener(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("--debug-bind-address: %q is not on loopback: write one such as 127.0.0.1:6060, and use \"kubectl port-forward\"", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--debug-bind-address: %w", err)
	}
	return listener, nil
}

// serveDebug serves profiles until ctx ends.
func serveDebug(ctx context.Context, listener net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// metricsSettings are the flags about serving metrics.
type metricsSettings struct {
	address string
	secure  bool
	certDir string
}

func (s *metricsSettings) flags(f *pflag.FlagSet) {
	f.StringVar(&s.address, "metrics-bind-address", ":8080", "`address` to serve metrics on; 0 serves none")
	f.BoolVar(&s.secure, "metrics-secure", false, "serve metrics over HTTPS, and only to callers with a bearer token that the API server knows and a right to get the URL /metrics")
	f.StringVar(&s.certDir, "metrics-cert-dir", "", "`folder` with tls.crt and tls.key for --metrics-secure; they are read again when they change; if empty, each process signs a certificate for itself when it starts")
}

// options returns the options of the metrics server.
func (s *metricsSettings) options() (metricsserver.Options, error) {
	o := metricsserver.Options{BindAddress: s.address}
	if !s.secure {
		if s.certDir != "" {
			return o, errors.New("--metrics-cert-dir: without --metrics-secure no certificate is served")
		}
		return o, nil
	}
	o.SecureServing = true
	o.FilterProvider = filters.WithAuthenticationAndAuthorization
	o.TLSOpts = []func(*tls.Config){func(c *tls.Config) {
		c.MinVersion, c.NextProtos = tls.VersionTLS13, []string{"http/1.1"}
	}}
	if s.certDir == "" {
		return o, nil
	}
	for _, name := range []string{"tls.crt", "tls.key"} { // without them, the server would sign a certificate itself
		if _, err := os.Stat(filepath.Join(s.certDir, name)); err != nil {
			return o, fmt.Errorf("--metrics-cert-dir: %w", err)
		}
	}
	o.CertDir = s.certDir
	return o, nil
}
