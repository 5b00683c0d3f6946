package e2e

import (
	"testing"

	"k8s.io/client-go/rest"

	"github.com/attache-dev/attache/test/controlplane"
)

// site is the installed chart with its processes running, each with the rights of
// its own service account.
type site struct {
	*admission
	admin      *world
	account    controlplane.User // the controller's
	replica    *process
	controller *process
}

// above is a GatewayClass of the platform and a Gateway that everybody may use.
const above = `
{apiVersion: v1, kind: Namespace, metadata: {name: infra}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: public, namespace: infra}
spec:
  gatewayClassName: edge
  listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]
`

// startSite installs the chart with values, starts one webhook replica and a
// controller, and makes the namespaces.
func startSite(t testing.TB, values map[string]any, namespaces ...string) *site {
	t.Helper()
	all := map[string]any{"platformNamespaces": []any{"infra"}}
	for key, value := range values {
		all[key] = value
	}
	s := &site{admission: startAdmission(t, all)}
	s.admin = s.as(s.plane.Config, "infra")
	account, err := s.plane.ServiceAccount(t.Context(), releaseNamespace, controllerAccount)
	if err != nil {
		t.Fatal(err)
	}
	s.account = account
	var address string
	s.replica, address = s.admission.replica("--subject-access-reviews=true")
	s.board.to(address)
	s.startController()
	s.admin.apply(above)
	for _, namespace := range namespaces {
		s.admin.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ` + namespace + `}}`)
	}
	return s
}

// startController starts the controller, again if it was killed.
func (s *site) startController() {
	s.Helper()
	s.controller = startManager(s.TB, s.account.Kubeconfig, "--platform-namespaces", "attache-system,infra")
}

// owner is a user who may do everything in one namespace, by the cluster's own
// role cluster-admin, and nothing elsewhere.
func (s *site) owner(name, namespace string) *world {
	s.Helper()
	return newWorld(s.TB, s.user(name, namespace).Config, namespace)
}

func (s *site) user(name, namespace string) controlplane.User {
	s.Helper()
	user, err := s.plane.AddUser(name)
	if err != nil {
		s.Fatal(err)
	}
	s.admin.apply(`
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ` + name + `, namespace: ` + namespace + `}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: ` + name + `, apiGroup: rbac.authorization.k8s.io}]`)
	return user
}

// impersonating is a world of somebody whom the administrator plays.
func (s *site) impersonating(username, namespace string) *world {
	s.Helper()
	config := rest.CopyConfig(s.plane.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: username, Groups: []string{"system:authenticated"}}
	return newWorld(s.TB, config, namespace)
}

// route is an HTTPRoute of the world's namespace on Gateway infra/public, with a
// TimeoutPolicy of the same name and a request timeout.
func (w *world) route(name, timeout string) {
	w.Helper()
	w.apply(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ` + name + `, namespace: NS}
spec: {parentRefs: [{name: public, namespace: infra}], hostnames: [` + name + `.example.com], rules: [{name: r1}]}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ` + name + `, namespace: NS}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: ` + name + `}, default: {request: ` + timeout + `}}`)
}
