package workspace

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/attache-dev/attache/hierarchy"
)

// GetObject reads one object; nil when it does not exist.
func GetObject(ctx context.Context, client dynamic.ResourceInterface, ref hierarchy.Ref) (*unstructured.Unstructured, error) {
	u, err := client.Get(ctx, ref.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	u.SetManagedFields(nil)
	return u, nil
}

// Connection returns the configuration for the cluster of the current context. Without a kubeconfig
// it is an error: client-go would try localhost.
func (o *Flags) Connection() (*rest.Config, error) {
	loader := o.Config.ToRawKubeConfigLoader()
	config, err := o.Config.ToRESTConfig()
	if err != nil && !clientcmd.IsEmptyConfig(err) {
		return nil, err
	}
	raw, rawErr := loader.RawConfig()
	nothing := rawErr == nil && len(raw.Clusters) == 0 && *o.Config.APIServer == ""
	if _, inCluster := rest.InClusterConfig(); err != nil || nothing && inCluster != nil {
		return nil, fmt.Errorf("no cluster is configured in %s", strings.Join(loader.ConfigAccess().GetLoadingPrecedence(), ", "))
	}
	return config, nil
}

// Unreachable turns a network error into a message for people.
func Unreachable(config *rest.Config, err error) error {
	var request *url.Error
	var network net.Error
	if errors.As(err, &request) && errors.As(err, &network) {
		return fmt.Errorf("the cluster at %s does not answer: %w", config.Host, request.Err)
	}
	return err
}
