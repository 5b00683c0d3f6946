// Command dataplane is a small reverse proxy that enforces effective policies as the annotation on
// routes states them: a reference for authors of data planes and a test bed, not a product
// (README.md says what it is not). It binds with package hierarchy, matches with policy/request,
// and reads the annotation with policy/v1alpha1/annotation. One idea is in one file: world.go
// watches, settings.go reads what applies and counts, proxy.go answers and tries backends, status.go
// reports; this one opens ports.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "dataplane:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	w := &world{log: slog.New(slog.NewTextHandler(os.Stderr, nil)), changed: make(chan struct{}, 1), addresses: map[hierarchy.Ref]netip.Addr{}}
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "the API server to watch")
	flag.StringVar(&w.class, "class", "reference", "the GatewayClass whose Gateways are served")
	flag.StringVar(&w.controller, "controller", "attache.dev/reference-dataplane", "the controllerName of that class")
	flag.TextVar(&w.network, "network", netip.MustParsePrefix("127.30.0.0/16"), "where each Gateway gets an address of its own; it has to be local")
	flag.IntVar(&w.portOffset, "port-offset", 0, "added to the port of each listener: with 8000, port 80 is served on 8080")
	flag.Parse()
	w.last = w.network.Masked().Addr()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 200, 400
	if w.client, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	s := &servers{world: w, limits: &limiter{buckets: map[string]*rate.Limiter{}}, open: map[port]*http.Server{}}
	return w.run(ctx, func(now *state) {
		s.settle(now)
		w.report(ctx, now)
	})
}

// servers are the open ports.
type servers struct {
	world  *world
	limits *limiter
	open   map[port]*http.Server
}

// port is a port of a Gateway, and where it is served.
type port struct {
	gateway hierarchy.Ref
	number  int32
	scheme  string
	at      netip.AddrPort
}

// schemes are the protocols that are served.
var schemes = map[string]string{"HTTP": request.SchemeHTTP, "HTTPS": request.SchemeHTTPS}

// settle opens the ports of the Gateways that there are, and closes the others.
func (s *servers) settle(now *state) {
	wanted := map[port]bool{}
	for _, g := range now.gateways {
		address := s.world.addresses[g.Meta().Ref]
		for _, l := range now.graph.Listeners(g.Meta().Ref) {
			if scheme := schemes[l.Spec.Protocol]; scheme != "" && l.Conflicted == "" && address.IsValid() {
				at := netip.AddrPortFrom(address, uint16(int(l.Spec.Port)+s.world.portOffset))
				wanted[port{g.Meta().Ref, l.Spec.Port, scheme, at}] = true
			}
		}
	}
	for p, server := range s.open {
		if !wanted[p] {
			server.Close()
			delete(s.open, p)
		}
	}
	for p := range wanted {
		if s.open[p] == nil {
			s.start(p)
		}
	}
}

func (s *servers) start(p port) {
	listener, err := net.Listen("tcp", p.at.String())
	if err != nil {
		s.world.log.Error("Port not opened", "gateway", p.gateway.String(), "error", err)
		return
	}
	server := &http.Server{
		Handler:           &proxy{s.world, p, s.limits},
		ReadHeaderTimeout: time.Minute,
		Protocols:         new(http.Protocols),
		ErrorLog:          slog.NewLogLogger(s.world.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, &connection{Conn: c})
		},
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	serve := server.Serve
	if p.scheme == request.SchemeHTTPS {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			now := s.world.state.Load()
			hit, ok, _ := now.index.Match(p.gateway, &request.Request{Scheme: p.scheme, Host: hello.ServerName, Port: p.number, Path: "/"})
			if !ok {
				return nil, errors.New("no listener has this name")
			}
			return now.certificate(hit.Listener)
		}}
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	s.open[p] = server
	go func() { _ = serve(listener) }()
}

// certificate is the first of a listener's that can be used.
func (s *state) certificate(l *hierarchy.Listener) (*tls.Certificate, error) {
	for _, ref := range l.Spec.Certificates {
		if u := s.objects[ref.To]; u != nil && s.graph.Permits(l.Ref.GroupKind, l.Ref.Namespace, ref.To) {
			var secret corev1.Secret
			convert(u.Object, &secret)
			certificate, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
			return &certificate, err
		}
	}
	return nil, errors.New("the listener has no certificate that can be used")
}

// connection is a client's, which is closed when no request uses it for a time.
type connection struct {
	net.Conn
	lock sync.Mutex
	busy int
	idle *time.Timer
}

type connectionKey struct{}

// use counts one request more or less, and says how long none may be on the way; 0 is for ever.
func (c *connection) use(requests int, idle time.Duration) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.idle != nil {
		c.idle.Stop()
	}
	if c.busy += requests; c.busy == 0 && idle > 0 {
		c.idle = time.AfterFunc(idle, func() { c.Close() })
	}
}
