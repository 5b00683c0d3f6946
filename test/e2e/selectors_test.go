package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// houses are two tenants with routes of one label, and a platform that bounds what is
// labelled as production.
const houses = `
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: cart, namespace: shop, labels: {tier: web}}, spec: {parentRefs: [{name: public, namespace: infra}], hostnames: [cart.example.com], rules: [{}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: stock, namespace: shop}, spec: {parentRefs: [{name: public, namespace: infra}], hostnames: [stock.example.com], rules: [{}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: cart, namespace: rival, labels: {tier: web}}, spec: {parentRefs: [{name: public, namespace: infra}], hostnames: [rival.example.com], rules: [{}]}}
---
apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: production, namespace: infra}
spec:
  targetSelectors: [{group: "", kind: Namespace, matchLabels: {env: prod}}]
  bounds: {request: {max: 60s}}
`

// selecting is a policy that selects by labels.
func selecting(namespace, name, selector, blocks string) string {
	return "{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: " + name + ", namespace: " + namespace + "}, spec: {targetSelectors: [{" + selector + "}], " + blocks + "}}"
}

// TestSelectorsAndNamespaces is what labels and Namespaces reach on an installed
// cluster, written by users who may do everything in their namespace.
func TestSelectorsAndNamespaces(t *testing.T) {
	s := startSite(t, nil, "shop", "rival")
	s.admin.apply(houses)
	heard := &ears{}
	config := rest.CopyConfig(s.user("tina", "shop").Config)
	config.WarningHandler = heard
	tina := newWorld(t, config, "shop")
	rival := newWorld(t, s.plane.Config, "rival")

	t.Run("labels of routes", func(t *testing.T) { routesRelabelled(t, tina, rival) })
	t.Run("a Namespace of one's own", func(t *testing.T) { houseRules(t, s, tina, rival) })
	t.Run("labels of Namespaces", func(t *testing.T) { namespaceRelabelled(t, s, tina) })
	t.Run("what is not theirs", func(t *testing.T) { outOfReach(t, s, tina, rival, heard) })
}

// says waits until a route's annotation and its EffectivePolicy have a request timeout;
// none if it is empty.
func (w *world) says(route, timeout string) {
	w.Helper()
	within(w, patience, route+" to say "+timeout, func(context.Context) error {
		if timeout != "" {
			return w.published(route, timeout)
		}
		if w.exists("EffectivePolicy", "httproute."+route) || annotation(w.object("HTTPRoute", route)) != "" {
			return errors.New("something is published")
		}
		return nil
	})
}

// relabel sets a label of a route and returns what the API server answered: the
// annotation came with the very write.
func (w *world) relabel(route, tier string) string {
	w.Helper()
	answer := ""
	within(w, patience, "the label to be set", func(ctx context.Context) error {
		u := named("HTTPRoute", w.namespace, route)
		if err := w.Get(ctx, client.ObjectKeyFromObject(u), u); err != nil {
			return err
		}
		u.SetLabels(map[string]string{"tier": tier})
		if err := w.Update(ctx, u); err != nil {
			return err
		}
		answer = mergedValue(u, "TimeoutPolicy")
		return nil
	})
	return answer
}

func routesRelabelled(t *testing.T, tina, rival *world) {
	tina.apply(selecting("shop", "web", "group: gateway.networking.k8s.io, kind: HTTPRoute, matchLabels: {tier: web}", "default: {request: 7s}"))
	tina.says("cart", "7s")
	tina.says("stock", "")
	rival.says("cart", "") // of the same label, in another namespace
	if answer := tina.relabel("stock", "web"); !strings.Contains(answer, `"7s"`) {
		t.Errorf("the write that sets the label is answered %q", answer)
	}
	tina.says("stock", "7s")
	if answer := tina.relabel("stock", "none"); answer != "" {
		t.Errorf("the write that takes the label away is answered %q", answer)
	}
	tina.says("stock", "")
	within(t, patience, "the policy to count its targets", func(context.Context) error {
		target, _, _ := unstructured.NestedString(tina.object("TimeoutPolicy", "web").Object, "status", "summary", "target")
		if target != "1 HTTPRoute (tier=web)" {
			return errors.New(target)
		}
		return nil
	})
}

func houseRules(t *testing.T, s *site, tina, rival *world) {
	if _, err := tina.tryCreate(policyOn("shop", "house", "kind: Namespace, name: shop", "default: {request: 90s}")); err == nil || !strings.Contains(err.Error(), `write group: ""`) {
		t.Errorf("the wrong group is answered %v", err)
	}
	tina.apply(onNamespace("shop", "house", "shop", "default: {request: 90s}"))
	tina.says("stock", "90s")
	tina.says("cart", "7s") // the more specific one
	rival.says("cart", "")
	within(t, patience, "everything to agree with a fresh computation", func(context.Context) error {
		return s.admin.agrees("attache-system", "infra")
	})
}

func onNamespace(namespace, name, on, blocks string) string {
	return "{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: " + name + ", namespace: " + namespace + `}, spec: {targetRef: {group: "", kind: Namespace, name: ` + on + "}, " + blocks + "}}"
}

// accepted is the condition Accepted of a policy.
func accepted(w *world, name string) (reason, message string) {
	ancestors, _, _ := unstructured.NestedSlice(w.object("TimeoutPolicy", name).Object, "status", "ancestors")
	for _, a := range ancestors {
		conditions, _ := a.(map[string]any)["conditions"].([]any)
		for _, c := range conditions {
			if c := c.(map[string]any); c["type"] == "Accepted" {
				return fmt.Sprint(c["reason"]), fmt.Sprint(c["message"])
			}
		}
	}
	return "", ""
}

func namespaceRelabelled(t *testing.T, s *site, tina *world) {
	label := func(env string) {
		s.admin.apply("{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {env: " + env + "}}}")
	}
	label("prod")
	tina.says("stock", "60s") // the house's 90s within the platform's bound
	tina.says("cart", "7s")
	label("dev")
	tina.says("stock", "90s")
	label("prod")
	tina.says("stock", "60s")
}

func outOfReach(t *testing.T, s *site, tina, rival *world, heard *ears) {
	for what, refused := range map[string]struct{ manifest, says string }{
		"another Namespace":    {onNamespace("shop", "grab", "rival", "override: {request: 1s}"), "Namespace"},
		"a class, by labels":   {selecting("shop", "grab", "group: gateway.networking.k8s.io, kind: GatewayClass", "override: {request: 1s}"), "GatewayClass"},
		"the platform's bound": {strings.ReplaceAll(onNamespace("infra", "grab", "shop", "override: {request: 1s}"), "NS", ""), "forbidden"},
	} {
		t.Run(what, func(t *testing.T) {
			if _, err := tina.tryCreate(refused.manifest, client.DryRunAll); err == nil || !strings.Contains(err.Error(), refused.says) {
				t.Errorf("it is answered: %v", err)
			}
		})
	}
	t.Run("all Namespaces, by labels", func(t *testing.T) {
		s.admin.apply("{apiVersion: v1, kind: Namespace, metadata: {name: rival, labels: {env: prod}}}")
		rival.says("cart", "60s") // by the platform's policy
		before := len(heard.all())
		tina.remove("TimeoutPolicy", "house") // which names the Namespace, and so holds it
		tina.apply(selecting("shop", "grab", `group: "", kind: Namespace, matchLabels: {env: prod}`, "override: {request: 1s}"))
		tina.says("stock", "1s")
		rival.says("cart", "60s")
		reason, message := accepted(tina, "grab")
		if said := message + strings.Join(heard.all()[before:], "\n"); strings.Contains(said, "rival") || reason == "Accepted" && strings.Contains(message, "of 2") {
			t.Errorf("it tells of others: %s: %s", reason, said)
		}
		tina.remove("TimeoutPolicy", "grab")
		tina.says("stock", "60s")
	})
	t.Run("routes and Gateways elsewhere, by labels", func(t *testing.T) {
		s.admin.edit("Gateway", "public", func(u *unstructured.Unstructured) { u.SetLabels(map[string]string{"tier": "web"}) })
		before := len(heard.all())
		tina.apply(selecting("shop", "grab", "group: gateway.networking.k8s.io, kind: Gateway, matchLabels: {tier: web}", "override: {request: 1s}"))
		within(t, patience, "the policy to select nothing", func(context.Context) error {
			said := fmt.Sprint(tina.object("TimeoutPolicy", "grab").Object["status"])
			if !strings.Contains(said, "NoScope") {
				return errors.New(said)
			}
			if all := said + strings.Join(heard.all()[before:], "\n"); strings.Contains(all, "infra/public") {
				t.Errorf("it tells of others: %s", all)
			}
			return nil
		})
		tina.says("stock", "60s")
		rival.says("cart", "60s")
	})
}
