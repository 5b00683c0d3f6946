package newside

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/decode"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// addListenerSets plans a ListenerSet in each namespace that has hosts which no
// listener of the Gateway serves, if the Gateway admits the namespace (M38). A host
// with a certificate is served when a listener takes it by https.
func (c *Side) addListenerSets() {
	if c.Options.Listeners == option.ListenersGateway {
		return
	}
	missing := map[string][]any{}
	for _, host := range c.HostOrder() {
		g := c.firstChosen(host)
		if g == nil || host == routing.CatchAll {
			continue
		}
		_, passed := c.Old.View.Passed(host)
		bound := c.gateway.bound(g.Namespace, host, "HTTPRoute")
		secret, _ := c.Old.CertificateOf(host)
		namespace := g.Namespace
		if secret.Name != "" {
			namespace = secret.Namespace
		}
		name := strings.Replace(host, "*", "wildcard", 1)
		if len(bound) == 0 {
			missing[namespace] = append(missing[namespace], listener(clipLabel("http-"+name), 80, "HTTP", host, nil))
		}
		if secret.Name != "" && !passed && !has(bound, "https") {
			tls := map[string]any{"mode": "Terminate", "certificateRefs": []any{map[string]any{"name": secret.Name}}}
			missing[namespace] = append(missing[namespace], listener(clipLabel(name), 443, "HTTPS", host, tls))
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(missing)) {
		c.addSets(namespace, missing[namespace])
	}
}

func clipLabel(name string) string {
	const most = 253
	return name[:min(len(name), most)]
}

// addSets keeps the ListenerSets that the Gateway admits.
func (c *Side) addSets(namespace string, listeners []any) {
	n := 0
	for part := range slices.Chunk(listeners, mostListeners) {
		name := c.Names.Free("ListenerSet", namespace, document.Numbered(c.gateway.name.Name, n))
		n++
		u := document.New(document.GatewayAPI, "ListenerSet", namespace, name, nil, nil, map[string]any{
			"parentRef": map[string]any{"group": hierarchy.Group, "kind": "Gateway", "name": c.gateway.name.Name, "namespace": c.gateway.name.Namespace},
			"listeners": part,
		})
		decoded, _ := decode.Object(u, nil)
		graph := c.gateway.graph.With(decoded)
		if accepted, _, _ := graph.ListenerSetStatus(hierarchy.ListenerSetRef(namespace, name)); accepted {
			c.gateway.graph = graph
			c.gateway.added = append(c.gateway.added, u)
		}
	}
}

func (c *Side) firstChosen(host string) *ingress.Ingress {
	for _, g := range c.Old.ByHost[host] {
		if g.Chosen {
			return g
		}
	}
	return nil
}

// addedSets are the ListenerSets that are written for a Gateway which exists: those
// that some route names.
func (p *gatewayPlan) addedSets(c *Side) []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for _, u := range p.added {
		used := slices.ContainsFunc(slices.Concat(c.Objects, c.Held), func(o *unstructured.Unstructured) bool {
			refs, _, _ := unstructured.NestedSlice(o.Object, "spec", "parentRefs")
			return slices.ContainsFunc(refs, func(r any) bool {
				ref, _ := r.(map[string]any)
				return ref["kind"] == "ListenerSet" && ref["name"] == u.GetName() && (ref["namespace"] == u.GetNamespace() || ref["namespace"] == nil && o.GetNamespace() == u.GetNamespace())
			})
		})
		if used {
			list = append(list, u)
		}
	}
	return list
}
