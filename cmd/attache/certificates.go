package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/attache-dev/attache/webhook/authority"
)

// certificateSettings are the flags about the certificates of the webhooks.
type certificateSettings struct {
	configuration string

	secret, namespace    string
	names                []string
	authority, certified time.Duration
}

func (s *certificateSettings) flags(f *pflag.FlagSet) {
	f.StringVar(&s.configuration, "webhook-configuration", "", "`name` of the webhook configurations: a replica is ready when they trust what it serves; if empty, they are not checked")
	f.StringVar(&s.secret, "authority-secret", "", "`name` of the Secret of the authority that signs the webhooks' certificates: the controller makes and replaces it; if empty, the certificates in --cert-dir are served")
	f.StringVar(&s.namespace, "authority-namespace", ownNamespace(), "`namespace` of that Secret")
	f.StringSliceVar(&s.names, "certificate-names", nil, "DNS `names` of the certificates that the authority signs: those of the webhooks' Service")
	f.DurationVar(&s.authority, "authority-lifetime", 365*24*time.Hour, "how long an authority lasts; it is replaced when a third of that is left")
	f.DurationVar(&s.certified, "certificate-lifetime", 7*24*time.Hour, "how long a serving certificate lasts; each replica replaces its own when a third of that is left")
}

// certificates are the parts that maintain and serve certificates; nil if they are not needed.
type certificates struct {
	trust   *authority.Trust
	serving *authority.Serving
	keeper  *authority.Keeper
}

// newCertificates creates the parts that a process with webhooks, with the controller, or with both
// needs.
func (s *certificateSettings) newCertificates(config *rest.Config, webhooks, controller bool, log logr.Logger) (*certificates, error) {
	c := &certificates{}
	if s.secret != "" && s.configuration == "" {
		return nil, errors.New("--authority-secret: name the configurations that are to trust it with --webhook-configuration")
	}
	options := authority.Options{
		Namespace: s.namespace, Secret: s.secret, Names: s.names, Configuration: s.configuration,
		Lifetimes: authority.Lifetimes{Authority: s.authority, Certificate: s.certified}, Log: log,
	}
	var err error
	if webhooks && s.configuration != "" {
		if c.trust, err = authority.NewTrust(config, s.configuration, log); err != nil {
			return nil, err
		}
	}
	if webhooks && s.secret != "" {
		if c.serving, err = authority.NewServing(config, c.trust, options); err != nil {
			return nil, fmt.Errorf("--certificate-names: %w", err)
		}
	}
	if controller && s.secret != "" {
		c.keeper, err = authority.NewKeeper(config, options)
	}
	return c, err
}

// addTo adds them to a manager, and registers their metrics.
func (c *certificates) addTo(m manager.Manager, p *process) error {
	watched := &authority.Watched{Trust: c.trust, Keeper: c.keeper}
	if p.webhooks != nil {
		watched.Served = p.webhooks.Certificate
	}
	failures := []error{metrics.Registry.Register(watched)}
	if c.trust != nil {
		failures = append(failures, m.Add(c.trust))
	}
	if c.serving != nil {
		failures = append(failures, m.Add(c.serving))
	}
	if c.keeper != nil {
		failures = append(failures, m.Add(c.keeper))
	}
	return errors.Join(failures...)
}
