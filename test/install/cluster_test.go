package install

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/eventually"
)

const (
	release   = "attache"
	namespace = "attache-system"
)

// cluster is an API server with the controllers that releases need, and nothing installed.
type cluster struct {
	testing.TB
	client.Client
	plane   *controlplane.ControlPlane
	folder  string
	address string // where replicas listen
	audit   string // the audit log of our service accounts
	wire    *wire  // what pods reach the API server through; nil is directly
}

// auditPolicy has the API server note what our accounts asked for.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, userGroups: ["system:serviceaccounts:attache-system"]}
- {level: None}
`

// start takes further flags of the API server.
func start(t testing.TB, more ...map[string][]string) *cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a control plane, which -short leaves out")
	}
	c := &cluster{TB: t, folder: t.TempDir(), address: ownAddress(t)}
	gatewayAPI, err := controlplane.GatewayAPICRDs("experimental")
	if err != nil {
		t.Fatal(err)
	}
	policy := filepath.Join(c.folder, "audit-policy.yaml")
	c.audit = filepath.Join(c.folder, "audit.log")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := map[string][]string{
		// The API server picks an endpoint of a Service itself.
		"enable-aggregator-routing": {"true"},
		"audit-policy-file":         {policy}, "audit-log-path": {c.audit},
	}
	for _, further := range more {
		maps.Copy(flags, further)
	}
	c.plane, err = controlplane.Start(t.Context(), controlplane.Options{
		CRDs: []string{gatewayAPI}, ControllerManager: true, APIServerFlags: flags,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	if c.Client, err = client.New(c.plane.Config, client.Options{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// ownAddress is an address of this machine that an EndpointSlice may have: not of the loopback
// interface.
func ownAddress(t testing.TB) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no IPv4 address besides the loopback interface's")
	return ""
}

// helm runs Helm, which finds nothing of the user's.
func (c *cluster) helm(arguments ...string) (string, error) {
	c.Helper()
	program, err := helm()
	if err != nil {
		c.Fatal(err)
	}
	cmd := exec.CommandContext(c.Context(), program, append(arguments, "--namespace", namespace)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.plane.Kubeconfig,
		"HELM_CACHE_HOME="+c.folder, "HELM_CONFIG_HOME="+c.folder, "HELM_DATA_HOME="+c.folder)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// helms is helm that has to succeed.
func (c *cluster) helms(arguments ...string) string {
	c.Helper()
	out, err := c.helm(arguments...)
	if err != nil {
		c.Fatalf("helm %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return out
}

// apply writes objects as a person would.
func (c *cluster) apply(manifests string) {
	c.Helper()
	for _, text := range strings.Split(manifests, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
			c.Fatal(err)
		}
		c.within(20*time.Second, "apply "+u.GetKind()+" "+u.GetName(), func(ctx context.Context) error {
			return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u.DeepCopy()), client.FieldOwner("somebody"), client.ForceOwnership)
		})
	}
}

// object reads an object; nil when it is not there.
func (c *cluster) object(apiVersion, kind, in, name string) *unstructured.Unstructured {
	c.Helper()
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	switch err := c.Get(c.Context(), client.ObjectKey{Namespace: in, Name: name}, u); {
	case client.IgnoreNotFound(err) != nil:
		c.Fatalf("reading %s %s: %v", kind, name, err)
	case err != nil:
		return nil
	}
	return u
}

// within waits until check returns no error.
func (c *cluster) within(limit time.Duration, what string, check func(context.Context) error) {
	c.Helper()
	eventually.OK(c, limit, what, check)
}

// shop is a small world: what a tenant and the platform have before attache comes.
const shop = `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: public}, spec: {controllerName: example.com/gateway}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: shop}, spec: {gatewayClassName: public, listeners: [{name: http, protocol: HTTP, port: 80}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: checkout, namespace: shop}, spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: checkout, port: 80}]}]}}`

// policyOfShop is a policy with a timeout.
func policyOfShop(name, timeout string) string {
	return fmt.Sprintf(`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: %s, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: checkout}], default: {request: %s}}}`, name, timeout)
}

// inForce waits until a timeout stands in the annotation of the route.
func (c *cluster) inForce(timeout string) {
	c.Helper()
	c.within(60*time.Second, "see "+timeout+" in force", func(context.Context) error {
		text := c.object("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "checkout").GetAnnotations()["attache.dev/effective-policies"]
		if !strings.Contains(text, `"request":"`+timeout+`"`) {
			return fmt.Errorf("the annotation is %q", text)
		}
		return nil
	})
}
