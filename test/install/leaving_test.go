package install

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/test/eventually"
	"github.com/attache-dev/attache/test/vendors"
)

// planes is a world on three data planes, whose routes their owners let attache write into. They
// have words of their own beside what will be put in.
const planes = `{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: envoy}, spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: traefik}, spec: {controllerName: traefik.io/gateway-controller}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: cilium}, spec: {controllerName: io.cilium/gateway-controller}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: envoy, namespace: shop, annotations: {owner: edge}}, spec: {gatewayClassName: envoy, listeners: [{name: http, protocol: HTTP, port: 80}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: traefik, namespace: shop}, spec: {gatewayClassName: traefik, listeners: [{name: http, protocol: HTTP, port: 80}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: cilium, namespace: shop}, spec: {gatewayClassName: cilium, listeners: [{name: http, protocol: HTTP, port: 80}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: envoy, namespace: shop, labels: {attache.dev/inject: "true"}}, spec: {parentRefs: [{name: envoy}], rules: [{name: pay, matches: [{path: {type: PathPrefix, value: /pay}}], timeouts: {request: 60s}, backendRefs: [{name: a, port: 80}]}, {name: rest, backendRefs: [{name: a, port: 80}]}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: traefik, namespace: shop, labels: {attache.dev/inject: "true"}, annotations: {owner: shop}}, spec: {parentRefs: [{name: traefik}], rules: [{name: pay, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}]}}, {type: ExtensionRef, extensionRef: {group: traefik.io, kind: Middleware, name: owners}}], backendRefs: [{name: a, port: 80}]}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: cilium, namespace: shop, labels: {attache.dev/inject: "true"}}, spec: {parentRefs: [{name: cilium}], rules: [{name: pay, timeouts: {request: 45s}, backendRefs: [{name: a, port: 80}]}]}}
---
{apiVersion: traefik.io/v1alpha1, kind: Middleware, metadata: {name: owners, namespace: shop}, spec: {headers: {customRequestHeaders: {a: b}}}}`

// planesPolicies are above what the routes say.
const planesPolicies = `{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: envoy, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: envoy}], override: {request: 20s, connect: 1s}}}
---
{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: cilium, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: cilium}], override: {request: 20s}}}
---
{apiVersion: attache.dev/v1alpha1, kind: RateLimitPolicy, metadata: {name: traefik, namespace: shop}, spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: traefik}], default: {requestsPerSecond: 5}}}
---
{apiVersion: attache.dev/v1alpha1, kind: PolicyGuardrail, metadata: {name: short}, spec: {enforcement: Audit, cel: [{expression: "!has(effective.TimeoutPolicy) || !has(effective.TimeoutPolicy.request) || duration(effective.TimeoutPolicy.request) < duration('10s')", message: ten seconds is too long}]}}`

// reportsOfOthers is the CRD of policy reports, which is not attache's.
const reportsOfOthers = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: policyreports.wgpolicyk8s.io}
spec:
  group: wgpolicyk8s.io
  scope: Namespaced
  names: {kind: PolicyReport, plural: policyreports}
  versions:
  - {name: v1alpha2, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}`

// installPlanes installs the CRDs of the data planes that exporters write for.
func (c *cluster) installPlanes() {
	c.Helper()
	for _, folder := range []string{
		vendors.Extract(c, vendors.EnvoyGateway, "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_backendtrafficpolicies.yaml"),
		vendors.Extract(c, vendors.Traefik, "integration/fixtures/k8s/01-traefik-crd.yml"),
	} {
		c.install(folder)
	}
}

// TestLeavingWithExporters switches exporters on, has them write their objects and put values into
// routes, and leaves: what attache wrote is gone, in an order in which no route refers to a
// missing object, and routes and Gateways are byte for byte what their owners wrote.
func TestLeavingWithExporters(t *testing.T) {
	c := start(t)
	c.installPlanes()
	c.apply(reportsOfOthers)
	c.established("policyreports.wgpolicyk8s.io")
	c.apply(planes)
	before := c.owned()
	c.helms("install", release, chart, "--create-namespace", "--set", "export.exporters={envoy-gateway,traefik,standard}", "--set", "webhook.drainDelay=1s",
		"--set", "controller.reports=true", "--set", "controller.reportsFormat=wgpolicy")
	running := []*pod{c.launch("attache-controller"), c.launch("attache-webhook")}
	for _, p := range running {
		p.awaitReady()
	}
	c.apply(planesPolicies)
	for route, words := range map[string]string{"envoy": `"request":"20s"`, "cilium": `"request":"20s"`, "traefik": `"name":"attache-`} {
		c.written(route, words)
	}
	c.within(eventually.Limit, "see an object for Envoy Gateway", func(context.Context) error {
		if len(c.exported(btps)) == 0 {
			return errors.New("there is none")
		}
		return nil
	})
	c.within(eventually.Limit, "see a policy report", func(context.Context) error {
		if len(c.exported(policyReports)) == 0 {
			return errors.New("there is none")
		}
		return nil
	})
	c.apply(`{apiVersion: wgpolicyk8s.io/v1alpha2, kind: PolicyReport, metadata: {name: attache-guardrails, namespace: default, labels: {app.kubernetes.io/managed-by: somebody}}}`)
	// The owner changes what an override stands in for.
	c.apply(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: cilium, namespace: shop, labels: {attache.dev/inject: "true"}}, spec: {parentRefs: [{name: cilium}], rules: [{name: pay, timeouts: {request: 50s}, backendRefs: [{name: a, port: 80}]}]}}`)
	c.written("cilium", `"request":"20s"`)
	before["HTTPRoute cilium"] = strings.Replace(before["HTTPRoute cilium"], `"request":"45s"`, `"request":"50s"`, 1)

	middleware := c.exported(middlewares)
	if len(middleware) != 1 {
		t.Fatalf("Middlewares of ours: %d", len(middleware))
	}
	gone := c.deletion(&middleware[0])
	said := c.uninstalled(running)
	if lines := regexp.MustCompile(`(?m)^\d/8 +\d+  `).FindAllString(said, -1); len(lines) != 8 {
		t.Errorf("it does not say how far it is: %s", said)
	}
	c.givenBack(before)
	if c.object(middlewares[0], middlewares[1], "shop", "owners") == nil {
		t.Error("the owner's Middleware is gone")
	}
	if c.object(policyReports[0], policyReports[1], "default", "attache-guardrails") == nil {
		t.Error("somebody else's policy report is gone")
	}
	// Versions of an API server are one sequence.
	freed := c.object("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "traefik").GetResourceVersion()
	deleted := <-gone
	if before, after := number(t, freed), number(t, deleted); before >= after {
		t.Errorf("the Middleware went at %d, before the route was freed of it at %d", after, before)
	}
	c.helms("uninstall", release)
	c.givenBack(before)
}

var (
	btps        = [2]string{"gateway.envoyproxy.io/v1alpha1", "BackendTrafficPolicy"}
	middlewares = [2]string{"traefik.io/v1alpha1", "Middleware"}

	policyReports = [2]string{"wgpolicyk8s.io/v1alpha2", "PolicyReport"}
)

// install creates the CRDs in the files of a folder.
func (c *cluster) install(folder string) {
	c.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) == 0 {
		c.Fatalf("no CRDs in %s: %v", folder, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			c.Fatal(err)
		}
		for _, document := range strings.Split("\n"+string(text), "\n---") {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(document), &u.Object); err != nil {
				c.Fatal(err)
			}
			if u.GetKind() != "CustomResourceDefinition" {
				continue
			}
			u.SetLabels(nil) // they are data planes' kinds here, not policy kinds
			if err := c.Create(c.Context(), u); err != nil {
				c.Fatal(err)
			}
			c.established(u.GetName())
		}
	}
}

// owned is what owners wrote into their routes and Gateways, as bytes.
func (c *cluster) owned() map[string]string {
	c.Helper()
	all := map[string]string{}
	for _, kind := range []string{"HTTPRoute", "Gateway"} {
		for _, name := range []string{"envoy", "traefik", "cilium"} {
			u := c.object("gateway.networking.k8s.io/v1", kind, "shop", name)
			u.SetResourceVersion("")
			u.SetManagedFields(nil)
			u.SetGeneration(0)
			delete(u.Object, "status") // a data plane's, and ours
			text, err := json.Marshal(u.Object)
			if err != nil {
				c.Fatal(err)
			}
			all[kind+" "+name] = string(text)
		}
	}
	return all
}

// givenBack looks at what there was before, and at what exporters left.
func (c *cluster) givenBack(before map[string]string) {
	c.Helper()
	for object, now := range c.owned() {
		if now != before[object] {
			c.Errorf("%s is not as its owner wrote it:\nit was %s\nit is  %s", object, before[object], now)
		}
	}
	for _, kind := range [][2]string{btps, middlewares, policyReports} {
		if left := c.exported(kind); len(left) > 0 {
			c.Errorf("%s of ours are left: %d, the first is %s", kind[1], len(left), left[0].GetName())
		}
	}
}

// written waits until a route says some words.
func (c *cluster) written(route, words string) {
	c.Helper()
	c.within(eventually.Limit, fmt.Sprintf("see %s in route %s", words, route), func(context.Context) error {
		u := c.object("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", route)
		text, err := json.Marshal(u.Object["spec"])
		if err != nil || !strings.Contains(string(text), words) {
			return errors.Join(fmt.Errorf("it is %s", text), err)
		}
		return nil
	})
}

// exported are the objects of a kind that exporters wrote.
func (c *cluster) exported(kind [2]string) []unstructured.Unstructured {
	c.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion(kind[0])
	list.SetKind(kind[1] + "List")
	if err := c.List(c.Context(), list, client.MatchingLabels{"app.kubernetes.io/managed-by": "attache"}); err != nil {
		c.Fatal(err)
	}
	return list.Items
}

// uninstalled has the command take away what was written, while the pods end as they are told.
func (c *cluster) uninstalled(running []*pod) string {
	c.Helper()
	program, err := attache()
	if err != nil {
		c.Fatal(err)
	}
	for _, p := range running {
		go p.terminate(0) // as Deployments of no replicas would
	}
	out, err := exec.Command(program, "uninstall", "--kubeconfig", c.plane.Kubeconfig).CombinedOutput()
	if err != nil {
		c.Fatalf("attache uninstall: %v\n%s", err, out)
	}
	c.Logf("attache uninstall said:\n%s", out)
	return string(out)
}

// deletion gives the version at which an object is deleted.
func (c *cluster) deletion(u *unstructured.Unstructured) <-chan string {
	c.Helper()
	watching, err := client.NewWithWatch(c.plane.Config, client.Options{})
	if err != nil {
		c.Fatal(err)
	}
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion(u.GetAPIVersion())
	list.SetKind(u.GetKind() + "List")
	events, err := watching.Watch(c.Context(), list, client.InNamespace(u.GetNamespace()), client.MatchingFields{"metadata.name": u.GetName()})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(events.Stop)
	version := make(chan string, 1)
	go func() {
		for e := range events.ResultChan() {
			if o, is := e.Object.(*unstructured.Unstructured); is && e.Type == watch.Deleted {
				version <- o.GetResourceVersion()
				return
			}
		}
		version <- "" // the watch ended without
	}()
	return version
}

func number(t testing.TB, version string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(version, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
