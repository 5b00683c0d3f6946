package migration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/attache-dev/attache/test/eventually"
	"github.com/attache-dev/attache/test/zone"
)

// before are three Ingresses of two teams. That of archive is on the host of news.
const before = `
{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: k8s.io/ingress-nginx}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/edge}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: SHOP
  annotations:
    nginx.ingress.kubernetes.io/proxy-read-timeout: "300"
    nginx.ingress.kubernetes.io/limit-rps: "20"
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - {path: /api/, pathType: Prefix, backend: {service: {name: api, port: {name: http}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: archive, namespace: PRESS}
spec:
  ingressClassName: nginx
  rules:
  - host: news.example.com
    http: {paths: [{path: /archive, pathType: Prefix, backend: {service: {name: archive, port: {number: 80}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: news, namespace: PRESS}
spec:
  ingressClassName: nginx
  rules:
  - host: news.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: news, port: {number: 80}}}}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ingress-nginx-controller, namespace: INFRA, labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}}
spec:
  replicas: 2
  selector: {matchLabels: {app: controller}}
  template: {metadata: {labels: {app: controller}}, spec: {containers: [{name: controller, image: registry.example.com/controller}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: api, namespace: SHOP}, spec: {selector: {app: api}, ports: [{name: http, port: 8080}]}}
`

const (
	gatewayVersion = "gateway.networking.k8s.io/v1"
	accepted       = `{parents: [{parentRef: {name: edge, namespace: INFRA}, controllerName: example.com/edge, conditions: [
  {type: Accepted, status: "True", reason: Accepted, message: "", observedGeneration: GENERATION, lastTransitionTime: NOW},
  {type: ResolvedRefs, status: "True", reason: ResolvedRefs, message: "", observedGeneration: GENERATION, lastTransitionTime: NOW}]}]}`
	programmed = `{addresses: [{type: IPAddress, value: 192.0.2.2}], conditions: [
  {type: Programmed, status: "True", reason: Programmed, message: "", observedGeneration: GENERATION, lastTransitionTime: NOW}]}`
	oldAddress = `{loadBalancer: {ingress: [{ip: 192.0.2.1}]}}`
)

var oldSide, newSide = [4]byte{192, 0, 2, 1}, [4]byte{192, 0, 2, 2}

// TestAMigrationOnACluster follows docs/migrating.md, from the first Ingress to deleting the last,
// with read-only rights.
func TestAMigrationOnACluster(t *testing.T) {
	r := start(t)
	names := zone.Serve(t)
	r.apply(before)
	for _, name := range []string{"SHOP web", "PRESS archive", "PRESS news"} {
		namespace, name, _ := strings.Cut(name, " ")
		r.reports("networking.k8s.io/v1", "Ingress", namespace, name, oldAddress)
	}
	r.states("nothing to stand for the Ingresses", nil, "archive old only", "news old only", "web old only")

	r.migrateAndApply()
	r.states("routes that nobody serves", nil, "archive not serving", "news not serving", "web not serving")
	r.verifies(0, "0 different")

	r.reports(gatewayVersion, "Gateway", "INFRA", "edge", programmed)
	for _, route := range []string{"SHOP web", "PRESS archive", "PRESS news"} {
		namespace, name, _ := strings.Cut(route, " ")
		r.reports(gatewayVersion, "HTTPRoute", namespace, name, accepted)
	}
	r.states("a data plane that serves all", nil, "archive ready", "news ready", "web ready")
	r.limitedFromAbove()
	r.editedAfterwards()

	r.moves(names)
}

// migrateAndApply applies what migrate writes, and keeps its report.
func (r *run) migrateAndApply() {
	r.Helper()
	flags := []string{"-A", "--new-gateway", "INFRA/edge", "--gateway-class", "edge"}
	written, said, code := r.command(append([]string{"migrate"}, flags...)...)
	if code != 0 {
		r.Fatalf("migrate: exit %d\n%s", code, said)
	}
	if !strings.Contains(said, "for 2 replicas; each replica counted for itself") {
		r.Errorf("the Deployment of the controller was not read:\n%s", said)
	}
	report, _, _ := r.command(append([]string{"migrate", "-o", "json"}, flags...)...)
	if err := os.WriteFile(r.report, []byte(report), 0o600); err != nil {
		r.Fatal(err)
	}
	r.apply(written)
}

// verifies waits for an exit code of verify and a text in what it prints.
func (r *run) verifies(want int, text string) {
	r.Helper()
	eventually.OK(r, 2*eventually.Limit, "verify to print "+text, func(context.Context) error {
		out, _, code := r.command("migrate", "verify", "-A", "--report", r.report)
		if code != want || !strings.Contains(out, text) {
			return fmt.Errorf("exit %d:\n%s", code, out)
		}
		return nil
	})
}

// limitedFromAbove: a policy of the platform that cuts what was migrated is found, with its
// place, until it goes (M70).
func (r *run) limitedFromAbove() {
	r.Helper()
	r.apply(`
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: ceiling, namespace: INFRA}
spec: {targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}, override: {idle: 30s}}`)
	r.verifies(1, "TimeoutPolicy idle   old 300s   new 30s   override of TimeoutPolicy ")
	p := r.states("differences by a policy from above", nil, "archive differs", "news differs", "web differs")
	for _, one := range p.Ingresses {
		if !strings.Contains(one.Why, "differ") || !strings.HasPrefix(one.Example, "curl -H 'Host: ") {
			r.Errorf("of %s it says %q with example %q", one.Ingress, one.Why, one.Example)
		}
	}
	r.remove("attache.dev/v1alpha1", "TimeoutPolicy", "INFRA", "ceiling")
	r.states("the difference to be gone", nil, "archive ready", "news ready", "web ready")
}

// editedAfterwards: an Ingress that was edited has to be migrated again.
func (r *run) editedAfterwards() {
	r.Helper()
	edited := strings.ReplaceAll(before, `"20"`, `"50"`)
	r.apply(edited)
	r.states("an edited Ingress", nil, "archive ready", "news ready", "web changed")
	r.migrateAndApply()
	r.reports(gatewayVersion, "HTTPRoute", "SHOP", "web", accepted)
	r.states("it to be migrated again", nil, "archive ready", "news ready", "web ready")
}

// moves leads the hosts to the Gateway one after the other, and deletes what may go.
func (r *run) moves(names *zone.Zone) {
	r.Helper()
	resolve := []string{"--resolve"}
	names.Leads("shop.example.com", oldSide)
	names.Leads("news.example.com", oldSide)
	p := r.states("DNS to lead to the old side", resolve, "archive ready", "news ready", "web ready")
	if got := p.Hosts[0].Resolves + " " + p.Hosts[1].Resolves; got != "old old" {
		r.Errorf("the hosts resolve to %s", got)
	}
	names.Leads("shop.example.com", newSide)
	names.Leads("news.example.com", oldSide, newSide)
	p = r.states("one host to be moved", resolve, "archive ready", "news ready", "web moved")
	if got := p.Hosts[0].Resolves + " " + p.Hosts[1].Resolves; got != "both new" {
		r.Errorf("the hosts resolve to %s", got)
	}
	out, _, code := r.command("migrate", "status", "-A", "--report", r.report, "--resolve", "--deletable", "-o", "name", "--check")
	if want := r.words.Replace("SHOP ingress/web\n"); out != want || code != 1 {
		r.Errorf("deletable is %q with exit code %d, want %q with 1", out, code, want)
	}
	names.Leads("news.example.com", [4]byte{203, 0, 113, 9})
	p = r.states("a host that leads elsewhere", resolve, "archive ready", "news ready", "web moved")
	if got := p.Hosts[0].Resolves; got != "other" {
		r.Errorf("the host resolves to %s", got)
	}
	names.Leads("news.example.com", newSide)
	r.states("all to be moved", resolve, "archive moved", "news moved", "web moved")
	out, _, code = r.command("migrate", "status", "-A", "--report", r.report, "--resolve", "--deletable", "-o", "name", "--check")
	if strings.Count(out, "ingress/") != 3 || code != 0 {
		r.Errorf("deletable is %q with exit code %d", out, code)
	}
	for line := range strings.Lines(out) {
		namespace, name, _ := strings.Cut(strings.TrimSpace(line), " ingress/")
		r.remove("networking.k8s.io/v1", "Ingress", namespace, name)
	}
	r.states("nothing to be left", resolve)
}

// remove deletes an object, and waits until it is gone.
func (r *run) remove(apiVersion, kind, namespace, name string) {
	r.Helper()
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetNamespace(r.words.Replace(namespace))
	u.SetName(name)
	eventually.OK(r, eventually.Limit, kind+" "+name+" to be gone", func(ctx context.Context) error {
		err := r.Delete(ctx, u.DeepCopy())
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if err == nil {
			return errors.New("it was there a moment ago")
		}
		return nil
	})
}
