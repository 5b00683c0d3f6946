package authority

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// Options say which authority it is.
type Options struct {
	// Namespace and Secret are where it is kept.
	Namespace, Secret string

	// Names are the DNS names of a serving certificate: those of the webhooks' Service.
	Names []string

	// Configuration is the name of the webhook configurations.
	Configuration string

	// Lifetimes of the authority and of serving certificates.
	Lifetimes Lifetimes

	// Log says what was renewed, and what is wrong.
	Log logr.Logger
}

// Serving is the serving certificate of one replica.
type Serving struct {
	options Options
	secret  *watched
	nudger  nudger
	now     func() time.Time
	// signer is the authority that signs now; nil when there is none that can.
	signer func() *pair
	// distrust says why API servers would not accept a certificate.
	distrust func(...*x509.Certificate) error

	current atomic.Pointer[serving]
}

// serving is a certificate and who signed it.
type serving struct {
	certificate *tls.Certificate
	by          *x509.Certificate
}

// NewServing prepares to serve; trust says what the configurations trust.
func NewServing(config *rest.Config, trust *Trust, o Options) (*Serving, error) {
	if len(o.Names) == 0 {
		return nil, errors.New("a serving certificate needs the names of the webhooks' Service")
	}
	o.Lifetimes = o.Lifetimes.orDefaults()
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	s := &Serving{options: o, nudger: newNudger(), now: time.Now, distrust: trust.Verify}
	s.signer = s.fromSecret
	if s.secret, err = watch(client, secrets, o.Namespace, o.Secret, o.Log, s.nudger.nudge); err != nil {
		return nil, err
	}
	trust.wake(s.nudger)
	return s, nil
}

// NeedLeaderElection says that every replica serves.
func (s *Serving) NeedLeaderElection() bool { return false }

// GetCertificate is for a tls.Config.
func (s *Serving) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := s.current.Load(); c != nil {
		return c.certificate, nil
	}
	return nil, errors.New("there is no serving certificate yet: the controller has not made the authority")
}

// Expiry is when the certificate that is served ends; zero when there is none.
func (s *Serving) Expiry() time.Time {
	if c := s.current.Load(); c != nil {
		return c.certificate.Leaf.NotAfter
	}
	return time.Time{}
}

// Start keeps the certificate until ctx ends.
func (s *Serving) Start(ctx context.Context) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.secret.informer.RunWithContext(ctx)
	}()
	for {
		timer := time.NewTimer(s.renew())
		select {
		case <-ctx.Done():
			timer.Stop()
			<-stopped
			return nil
		case <-s.nudger:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// renew replaces the certificate if that is due, and says when to look again.
func (s *Serving) renew() time.Duration {
	const often = time.Minute // a clock may have been set, a machine been asleep
	signer := s.signer()
	if signer == nil {
		return often
	}
	now, current := s.now(), s.current.Load()
	if current != nil && current.by.Equal(signer.certificate) && !late(current.certificate.Leaf, now) {
		return min(often, renewal(current.certificate.Leaf).Sub(now))
	}
	fresh, err := signer.leaf(s.options.Names, now, s.options.Lifetimes.Certificate)
	if err != nil {
		s.options.Log.Error(err, "Cannot sign a serving certificate")
		return often
	}
	if current != nil && s.good(current.certificate.Leaf, now) && s.distrust(fresh.Leaf) != nil {
		return min(often, s.options.Lifetimes.Certificate/20) // the configurations are to trust it first
	}
	s.current.Store(&serving{certificate: fresh, by: signer.certificate})
	s.options.Log.Info("Serving a new certificate", "until", fresh.Leaf.NotAfter, "authority", signer.certificate.SerialNumber.Text(16))
	return min(often, renewal(fresh.Leaf).Sub(now))
}

// good reports whether API servers accept a certificate now.
func (s *Serving) good(c *x509.Certificate, now time.Time) bool {
	return now.Before(c.NotAfter) && s.distrust(c) == nil
}

// fromSecret reads the authority that signs from the Secret.
func (s *Serving) fromSecret() *pair {
	u := s.secret.object()
	if u == nil {
		return nil
	}
	data, _ := secretData(u)
	signer, err := readPair(data[keyCertificate], data[keyKey])
	if err != nil {
		s.options.Log.Error(err, "The authority cannot be read; the controller makes another one", "secret", s.options.Secret)
		return nil
	}
	if !s.now().Before(signer.certificate.NotAfter) {
		return nil
	}
	return signer
}
