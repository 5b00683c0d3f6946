package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

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

func newServers(w *world) *servers {
	return &servers{world: w, limits: &limiter{buckets: map[string]*rate.Limiter{}}, open: map[port]*http.Server{}}
}

// settle opens the ports of the Gateways that there are, and closes the others.
func (s *servers) settle(now *state) {
	wanted := map[port]bool{}
	for _, g := range now.gateways {
		address := now.addresses[g.Meta().Ref]
		for _, l := range now.graph.Listeners(g.Meta().Ref) {
			if scheme := schemes[l.Spec.Protocol]; scheme != "" && l.Conflicted == "" && address.IsValid() {
				at := netip.AddrPortFrom(address, uint16(int(l.Spec.Port)+s.world.options.portOffset))
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
			if err := s.start(p); err != nil {
				s.world.log.Error("port not opened", "gateway", p.gateway.String(), "error", err)
			}
		}
	}
}

// schemes are the protocols that are served.
var schemes = map[string]string{"HTTP": request.SchemeHTTP, "HTTPS": request.SchemeHTTPS}

func (s *servers) close() {
	for _, server := range s.open {
		server.Close()
	}
}

func (s *servers) start(p port) error {
	listener, err := net.Listen("tcp", p.at.String())
	if err != nil {
		return err
	}
	var idles sync.Map
	server := &http.Server{
		Handler:           newProxy(s.world, p.gateway, p.number, p.scheme, s.limits),
		ReadHeaderTimeout: time.Minute,
		Protocols:         new(http.Protocols),
		ErrorLog:          slog.NewLogLogger(s.world.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			i := &connIdle{}
			idles.Store(c, i)
			return context.WithValue(ctx, connIdleKey{}, i)
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if i, ok := idles.Load(c); ok {
				i.(*connIdle).note(c, state)
			}
			if state == http.StateClosed || state == http.StateHijacked {
				idles.Delete(c)
			}
		},
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	s.open[p] = server
	if p.scheme == request.SchemeHTTPS {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			now := s.world.state.Load()
			hit, ok, _ := now.index.Match(p.gateway, &request.Request{Scheme: p.scheme, Host: hello.ServerName, Port: p.number, Path: "/"})
			if !ok {
				return nil, errors.New("no listener has this name")
			}
			return now.certificate(hit.Listener)
		}}
		go func() { _ = server.ServeTLS(listener, "", "") }()
	} else {
		go func() { _ = server.Serve(listener) }()
	}
	return nil
}

// certificate is the first of a listener's that can be used.
func (s *state) certificate(l *hierarchy.Listener) (*tls.Certificate, error) {
	for _, ref := range l.Spec.Certificates {
		secret := s.objects[ref.To]
		if secret == nil || !s.graph.Permits(l.Ref.GroupKind, l.Ref.Namespace, ref.To) {
			continue
		}
		var pair [2][]byte
		for i, key := range []string{"tls.crt", "tls.key"} {
			text, _, _ := unstructured.NestedString(secret.Object, "data", key)
			pair[i], _ = base64.StdEncoding.DecodeString(text)
		}
		certificate, err := tls.X509KeyPair(pair[0], pair[1])
		return &certificate, err
	}
	return nil, errors.New("the listener has no certificate that can be used")
}

// connIdle closes a client's connection that is not used.
type connIdle struct {
	lock  sync.Mutex
	after time.Duration
	timer *time.Timer
}

type connIdleKey struct{}

// setIdle says how long the connection of a request may be unused after it.
func setIdle(r *http.Request, after time.Duration) {
	if i, ok := r.Context().Value(connIdleKey{}).(*connIdle); ok {
		i.lock.Lock()
		i.after = after
		i.lock.Unlock()
	}
}

func (i *connIdle) note(c net.Conn, state http.ConnState) {
	i.lock.Lock()
	defer i.lock.Unlock()
	if i.timer != nil {
		i.timer.Stop()
	}
	if state == http.StateIdle && i.after > 0 {
		i.timer = time.AfterFunc(i.after, func() { c.Close() })
	}
}
