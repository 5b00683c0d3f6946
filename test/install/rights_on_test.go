package install

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/test/eventually"
)

// reportsCRD is that of OpenReports, as far as objects of the kind can be stored.
const reportsCRD = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: reports.openreports.io}, spec: {group: openreports.io, scope: Namespaced, names: {kind: Report, plural: reports}, versions: [{name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`

// TestRightsFitWhereEverythingIsOn switches on what is off by default and has rights of its own:
// exporters and reports. It has each of them create, change and delete what it writes.
func TestRightsFitWhereEverythingIsOn(t *testing.T) {
	c := start(t)
	c.installPlanes()
	c.apply(reportsCRD)
	c.established("reports.openreports.io")
	c.apply(shop)
	c.apply(planes)
	c.helms("install", release, chart, "--create-namespace", "--set", "export.exporters={envoy-gateway,traefik,standard}",
		"--set", "controller.reports=true", "--set", "webhook.drainDelay=1s")
	for _, p := range []*pod{c.launch("attache-controller"), c.launch("attache-webhook")} {
		p.awaitReady()
	}
	c.apply(planesPolicies)
	for route, words := range map[string]string{"envoy": `"request":"20s"`, "cilium": `"request":"20s"`, "traefik": `"name":"attache-`} {
		c.written(route, words)
	}
	c.exercise()

	// Exported objects are changed, and deleted.
	for _, kind := range [][2]string{btps, middlewares} {
		c.within(eventually.Limit, "see a "+kind[1], func(context.Context) error { return some(c.exported(kind)) })
	}
	c.apply(strings.NewReplacer("connect: 1s", "connect: 2s", "requestsPerSecond: 5", "requestsPerSecond: 6").Replace(planesPolicies))
	for _, kind := range [][2]string{btps, middlewares} {
		c.within(eventually.Limit, "see another "+kind[1], func(context.Context) error {
			for _, u := range c.exported(kind) {
				if u.GetGeneration() > 1 {
					return nil
				}
			}
			return errors.New("all are as they were created")
		})
	}
	for _, policy := range [][2]string{{"TimeoutPolicy", "envoy"}, {"RateLimitPolicy", "traefik"}} {
		if err := c.Delete(c.Context(), c.object("attache.dev/v1alpha1", policy[0], "shop", policy[1])); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range [][2]string{btps, middlewares} {
		c.within(eventually.Limit, "see no "+kind[1], func(context.Context) error { return none(c.exported(kind)) })
	}

	// A report is created, and deleted with the guardrail that objected.
	report := func() []unstructured.Unstructured {
		return c.list([2]string{"openreports.io/v1alpha1", "Report"}).Items
	}
	c.apply(policyOfShop("long", "90s"))
	c.within(eventually.Limit, "see a report", func(context.Context) error { return some(report()) })
	if err := c.Delete(c.Context(), c.object("attache.dev/v1alpha1", "PolicyGuardrail", "", "short")); err != nil {
		t.Fatal(err)
	}
	c.within(eventually.Limit, "see no report", func(context.Context) error { return none(report()) })

	c.rightsFit("attache-webhook", getting)
	unused := maps.Clone(notHere)
	maps.Copy(unused, getting)
	unused[right{"create", "openreports.io", "reports"}] = "an apply that creates is a patch in the audit log, and asks for both rights"
	c.rightsFit("attache-controller", unused)
}

// getting is a right that exporters have beside list and watch, and that adds nothing to these.
var getting = map[right]string{
	{"get", "gateway.envoyproxy.io", "backendtrafficpolicies"}: "who may list all may get each of them",
	{"get", "traefik.io", "middlewares"}:                       "who may list all may get each of them",
}

func some(objects []unstructured.Unstructured) error {
	if len(objects) == 0 {
		return errors.New("there is none")
	}
	return nil
}

func none(objects []unstructured.Unstructured) error {
	if len(objects) > 0 {
		return fmt.Errorf("there is %s, and %d more", objects[0].GetName(), len(objects)-1)
	}
	return nil
}
