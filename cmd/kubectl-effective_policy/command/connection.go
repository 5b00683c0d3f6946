package command

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// connection is how to reach the cluster of the current context. Without any
// kubeconfig there is none: client-go would try localhost.
func (o *sharedFlags) connection() (*rest.Config, error) {
	loader := o.config.ToRawKubeConfigLoader()
	config, err := o.config.ToRESTConfig()
	if err != nil && !clientcmd.IsEmptyConfig(err) {
		return nil, err
	}
	raw, rawErr := loader.RawConfig()
	nothing := rawErr == nil && len(raw.Clusters) == 0 && *o.config.APIServer == ""
	if _, inCluster := rest.InClusterConfig(); err != nil || nothing && inCluster != nil {
		return nil, fmt.Errorf("no cluster is configured in %s", strings.Join(loader.ConfigAccess().GetLoadingPrecedence(), ", "))
	}
	return config, nil
}

// unreachable says in a person's words that nobody answers.
func unreachable(config *rest.Config, err error) error {
	var request *url.Error
	var network net.Error
	if errors.As(err, &request) && errors.As(err, &network) {
		return fmt.Errorf("the cluster at %s does not answer: %w", config.Host, request.Err)
	}
	return err
}
