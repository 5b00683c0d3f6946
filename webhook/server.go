package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
)

// DefaultDrainDelay is how long a replica should continue to serve after it was told to stop: some
// clusters only update their proxies every ten seconds.
const DefaultDrainDelay = 10 * time.Second

// shutdownLimit is how long the last calls may take after the drain delay.
const shutdownLimit = 10 * time.Second

// ServerOptions are the options of a Server.
type ServerOptions struct {
	// Address is the host and port to listen on; ":9443" if empty. A port of 0 is
	// a free one, which [Server.Address] tells.
	Address string

	// CertDir has tls.crt and tls.key. They are read again when they change.
	CertDir string

	// GetCertificate is used instead of CertDir when it is set.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// Distrust returns why the API server would not accept the served chain; then the replica is not
	// ready. If it is nil, this is not checked.
	Distrust func(chain ...*x509.Certificate) error

	// CallerAuthorities is a PEM file with the authorities of client certificates: calls without one
	// of their certificates are not answered. It is read again when it changes. If it is empty,
	// everybody is answered.
	CallerAuthorities string

	// CallerNames are the common names that client certificates may have; empty means any.
	CallerNames []string

	// AllowTLS12 permits callers that do not support TLS 1.3.
	AllowTLS12 bool

	// DrainDelay is how long to continue serving after Start was told to end.
	DrainDelay time.Duration

	// Log receives failed connections, at level 1.
	Log logr.Logger
}

// idleTimeout is how long a connection without calls stays open. It is longer than the 90 s after which
// API servers close theirs: a call that is sent on a connection which is just being closed fails.
const idleTimeout = 3 * time.Minute

// Server serves the handlers with TLS over HTTP/1.1.
//
// It is not controller-runtime's webhook server, because that one closes its
// port, and cancels what is being decided, at the moment a shutdown begins. Give
// it a context that ends before the manager's does: what it decides with must
// stay alive while it drains.
type Server struct {
	handlers *Handlers
	options  ServerOptions
	listener atomic.Pointer[net.Listener]
	// certificate returns the served certificate, once its source is known.
	certificate atomic.Pointer[func(*tls.ClientHelloInfo) (*tls.Certificate, error)]
	ending      atomic.Bool
}

// NewServer returns a server that does not listen yet.
func NewServer(h *Handlers, o ServerOptions) *Server {
	if o.Address == "" {
		o.Address = ":9443"
	}
	return &Server{handlers: h, options: o}
}

// Start listens and serves until ctx ends, then drains and returns. It does all
// of these things once.
func (s *Server) Start(ctx context.Context) error {
	// Certificates are needed until the last call, after ctx ends.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	config, err := s.tlsConfig(life)
	if err != nil {
		return fmt.Errorf("serving webhooks: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.options.Address)
	if err != nil {
		return fmt.Errorf("serving webhooks: %w", err)
	}
	s.listener.Store(&listener)
	server := &http.Server{
		Handler:           s.handlers.Mux(),
		TLSConfig:         config,
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){}, // no HTTP/2
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(logWriter{s.options.Log}, "", 0),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving webhooks: %w", err)
	case <-ctx.Done():
	}
	return s.drain(server, failed)
}

// drain shuts down without losing calls: the replica reports that it is not ready, continues to
// serve until nobody calls it any more, then accepts no new calls, and waits for the last ones.
func (s *Server) drain(server *http.Server, failed <-chan error) error {
	s.ending.Store(true)
	s.handlers.Drain()
	select {
	case err := <-failed:
		return fmt.Errorf("serving webhooks: %w", err)
	case <-time.After(s.options.DrainDelay):
	}
	s.handlers.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("ending the webhook server: %w", errors.Join(err, server.Close()))
	}
	return nil
}

func (s *Server) tlsConfig(ctx context.Context) (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: s.options.GetCertificate,
	}
	if s.options.AllowTLS12 {
		config.MinVersion = tls.VersionTLS12
	}
	if s.options.CallerAuthorities != "" {
		callers, err := newCallers(s.options.CallerAuthorities, s.options.CallerNames, s.options.Log)
		if err != nil {
			return nil, err
		}
		config.ClientAuth, config.VerifyConnection = tls.RequireAnyClientCert, callers.verify
	}
	if config.GetCertificate != nil {
		s.certificate.Store(&config.GetCertificate)
		return config, nil
	}
	watcher, err := certwatcher.New(filepath.Join(s.options.CertDir, "tls.crt"), filepath.Join(s.options.CertDir, "tls.key"))
	if err != nil {
		return nil, fmt.Errorf("reading tls.crt and tls.key of folder %q: %w", s.options.CertDir, err)
	}
	config.GetCertificate = watcher.GetCertificate
	s.certificate.Store(&config.GetCertificate)
	go func() {
		if err := watcher.Start(ctx); err != nil {
			s.options.Log.Error(err, "Certificates in files will not be reloaded when they change", "folder", s.options.CertDir)
		}
	}()
	return config, nil
}

// Address returns where the server listens; empty until it does.
func (s *Server) Address() string {
	if l := s.listener.Load(); l != nil {
		return (*l).Addr().String()
	}
	return ""
}

// Certificate returns the served certificate; nil when there is none yet.
func (s *Server) Certificate() *x509.Certificate {
	get := s.certificate.Load()
	if get == nil {
		return nil
	}
	served, err := (*get)(&tls.ClientHelloInfo{})
	if err != nil {
		return nil
	}
	return served.Leaf
}

// Ready is the readiness check of the replica: it listens, the certificate that it
// serves is one that the API server accepts, it can decide, and it is not ending. It
// has the signature of controller-runtime's health checks.
func (s *Server) Ready(r *http.Request) error {
	listener := s.listener.Load()
	switch {
	case listener == nil:
		return errors.New("the webhook server does not listen yet")
	case s.ending.Load():
		return errors.New("the webhook server is shutting down")
	case !s.handlers.Complete():
		return errors.New("not all objects have been seen yet")
	}
	host, port, err := net.SplitHostPort((*listener).Addr().String())
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	// The certificate is verified below.
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // see above
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return fmt.Errorf("the webhook server cannot be reached: %w", err)
	}
	defer connection.Close()
	if s.options.Distrust == nil {
		return nil
	}
	return s.options.Distrust(connection.(*tls.Conn).ConnectionState().PeerCertificates...)
}

// logWriter logs the errors of net/http.
type logWriter struct{ log logr.Logger }

func (w logWriter) Write(line []byte) (int, error) {
	w.log.V(1).Info("A connection failed", "error", strings.TrimSpace(string(line)))
	return len(line), nil
}
