package controlplane

import (
	"context"
	"fmt"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// User is someone whom the API server authenticates, and who has the rights that
// RBAC objects give, which is next to none at first.
type User struct {
	// Config connects as the user, without client-side rate limits.
	Config *rest.Config

	// Kubeconfig is the path of a kubeconfig file of the user.
	Kubeconfig string
}

// AddUser makes a user with a client certificate.
func (c *ControlPlane) AddUser(name string, groups ...string) (User, error) {
	added, err := c.environment.AddUser(envtest.User{Name: name, Groups: groups}, unlimited())
	if err != nil {
		return User{}, fmt.Errorf("adding user %s: %w", name, err)
	}
	return c.user(added.Config(), "user-"+name)
}

// ServiceAccount makes a user of an existing service account, with an hour's
// token, as a pod would have.
func (c *ControlPlane) ServiceAccount(ctx context.Context, namespace, name string) (User, error) {
	admin, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		return User{}, fmt.Errorf("connecting to the control plane: %w", err)
	}
	token, err := admin.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return User{}, fmt.Errorf("getting a token of service account %s/%s: %w", namespace, name, err)
	}
	config := unlimited()
	config.Host = c.Config.Host
	config.CAData = c.Config.CAData
	config.BearerToken = token.Status.Token
	return c.user(config, "serviceaccount-"+namespace+"-"+name)
}

func (c *ControlPlane) user(config *rest.Config, name string) (User, error) {
	kubeconfig, err := c.writeKubeconfig(name, config)
	if err != nil {
		return User{}, err
	}
	return User{Config: config, Kubeconfig: kubeconfig}, nil
}

// unlimited has no client-side rate limits: tests are to be quick.
func unlimited() *rest.Config {
	return &rest.Config{QPS: -1}
}

// writeKubeconfig writes a kubeconfig file for a connection. Files of the same
// name replace each other.
func (c *ControlPlane) writeKubeconfig(name string, config *rest.Config) (string, error) {
	const entry = "controlplane"
	content := clientcmdapi.NewConfig()
	content.Clusters[entry] = &clientcmdapi.Cluster{
		Server:                   config.Host,
		CertificateAuthorityData: config.CAData,
	}
	content.AuthInfos[entry] = &clientcmdapi.AuthInfo{
		ClientCertificateData: config.CertData,
		ClientKeyData:         config.KeyData,
		Token:                 config.BearerToken,
	}
	content.Contexts[entry] = &clientcmdapi.Context{Cluster: entry, AuthInfo: entry}
	content.CurrentContext = entry
	// A user name may contain slashes and colons.
	path := filepath.Join(c.folder, fmt.Sprintf("%x.kubeconfig", name))
	if name == "admin" {
		path = filepath.Join(c.folder, "admin.kubeconfig")
	}
	if err := clientcmd.WriteToFile(*content, path); err != nil {
		return "", fmt.Errorf("writing a kubeconfig file: %w", err)
	}
	return path, nil
}
