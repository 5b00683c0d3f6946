package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// connect returns how to reach the API server, and tests the connection.
func (s *settings) connect() (*rest.Config, error) {
	config, err := s.restConfig()
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = s.qps, s.burst
	if s.qps <= 0 {
		config.QPS = -1 // zero would be client-go's own default of five
	}
	config.UserAgent = "attache/" + versionText()
	// A manager and its API server are near each other: to compress costs both more time than to send.
	config.DisableCompression = true
	probe := rest.CopyConfig(config)
	probe.Timeout = 10 * time.Second
	client, err := discovery.NewDiscoveryClientForConfig(probe)
	if err != nil {
		return nil, fmt.Errorf("connecting to the API server: %w", err)
	}
	if _, err := client.ServerVersion(); err != nil {
		return nil, fmt.Errorf("the API server at %s does not answer: %w", config.Host, err)
	}
	return config, nil
}

func (s *settings) restConfig() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	if s.kubeconfig == "" && len(rules.Precedence) > 0 && rules.Precedence[0] == clientcmd.RecommendedHomeFile {
		config, err := rest.InClusterConfig()
		if !errors.Is(err, rest.ErrNotInCluster) {
			return config, err
		}
	}
	rules.ExplicitPath = s.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err):
		return nil, errors.New("no cluster to connect to: give --kubeconfig, set KUBECONFIG, or run in a pod")
	case err != nil:
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return config, nil
}

// tenure is for how long this process may take itself for the leader without asking. The elector
// looks at the clock every few seconds. A process that was suspended for longer than its lease, or
// whose renewals hang, would go on with what it had planned, although another replica leads by now
// and has written something newer.
//
// The length is two thirds of the lease: the remaining third is for requests that are under way.
type tenure struct {
	length  time.Duration
	renewed atomic.Pointer[time.Time] // when the last successful renewal was sent
	now     func() time.Time
}

func newTenure(length time.Duration) *tenure { return &tenure{length: length, now: time.Now} }

// watch returns the configuration for the elector, whose requests show when the lease is renewed.
// Without a tenure it is the same configuration.
func (t *tenure) watch(config *rest.Config) *rest.Config {
	if t == nil {
		return config
	}
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return renewals{t, next} })
	return config
}

// holds returns an error when another replica may lead. Whichever clock says that more time has
// passed is right: the monotonic one stands still while a machine is suspended, and the other one
// may be set back.
func (t *tenure) holds() error {
	last := t.renewed.Load()
	if last == nil {
		return errors.New("the lease is not held yet")
	}
	now := t.now()
	if since := max(now.Sub(*last), now.Round(0).Sub(last.Round(0))); since > t.length {
		return fmt.Errorf("the lease was last renewed %s ago, so that another replica may lead", since.Round(time.Millisecond))
	}
	return nil
}

// renewals is the transport of the elector.
type renewals struct {
	tenure *tenure
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper. The last write of a process that ends gives the lease up;
// it writes nothing afterwards.
func (r renewals) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := r.tenure.now()
	answer, err := r.next.RoundTrip(request)
	if err == nil && answer.StatusCode < http.StatusMultipleChoices && request.Method != http.MethodGet &&
		strings.Contains(request.URL.Path, "/leases") {
		r.tenure.renewed.Store(&sent)
	}
	return answer, err
}
