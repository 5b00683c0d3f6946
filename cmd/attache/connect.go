package main

import (
	"errors"
	"fmt"
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
