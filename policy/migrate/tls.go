package migrate

import (
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// passer is the Ingress whose "/" the https of a host goes to.
func (c *converter) passer(host string) *ingress {
	s := c.old.view.Server(host)
	if s == nil {
		return nil
	}
	for _, l := range s.Locations {
		if l.Path == "/" && l.Action.Backend != nil {
			return c.old.owners[l].ingress
		}
	}
	return nil
}

// writePassed writes the TLSRoutes of hosts whose https is passed on as it is (M34).
func (c *converter) writePassed() {
	byIngress := map[*ingress][]string{}
	for _, host := range c.hostOrder() {
		if _, ok := c.old.view.Passed(host); ok {
			if g := c.passer(host); g != nil && g.chosen {
				byIngress[g] = append(byIngress[g], host)
			}
		}
	}
	for _, g := range c.old.ingresses {
		n := 0
		for _, host := range byIngress[g] {
			refs := c.passedBy(g.namespace, host)
			if len(refs) == 0 {
				f := c.report.about(g, Unbound, "%s: no listener of Gateway %s passes TLS on for it: add one with protocol TLS, mode Passthrough and this hostname", routing.HostText(host), c.gateway.name)
				f.Host, f.Effect = host, Breaks
				continue
			}
			to, _ := c.old.view.Passed(host)
			name := c.existing.free("TLSRoute", g.namespace, numbered(g.name, n))
			n++
			c.objects = append(c.objects, object(gatewayAPI, "TLSRoute", g.namespace, name, g.labels, g.marks(), map[string]any{
				"parentRefs": refs, "hostnames": []any{host},
				"rules": []any{map[string]any{"backendRefs": []any{backendTo(to, g.namespace)}}},
			}))
		}
	}
}

// passedBy are the listeners that pass TLS on for a host.
func (c *converter) passedBy(namespace, host string) []any {
	p := c.gateway
	var list []any
	add := func(name, space, section string) {
		ref := map[string]any{"name": name, "sectionName": section}
		if space != namespace {
			ref["namespace"] = space
		}
		list = append(list, ref)
	}
	if p.graph == nil {
		if cert := p.certs[host]; cert != nil && cert.passed {
			add(p.name.Name, p.name.Namespace, cert.listener)
		}
		return list
	}
	for _, b := range p.bound(namespace, host, "TLSRoute") {
		if b.scheme == "tls" && b.kind == "Gateway" {
			add(b.name.Name, b.name.Namespace, b.listener)
		}
	}
	return list
}

// verifies says whether the controller verifies the backends of an Ingress in a way
// that a BackendTLSPolicy can have: with a Secret of its namespace, and a name (M34).
func verifies(g *ingress) (secret string, ok bool) {
	s := g.set
	secret = s.text("proxy-ssl-secret")
	if namespace, name, two := strings.Cut(secret, "/"); two {
		if namespace != g.namespace {
			return "", false
		}
		secret = name
	}
	return secret, overTLS(s) && s.text("proxy-ssl-verify") == "on" && secret != "" && hostnamePattern().MatchString(s.text("proxy-ssl-name"))
}

// writeBackendTLS writes a BackendTLSPolicy for each Service of an Ingress whose
// backends are verified. Of two Ingresses with one Service the older has it.
func (c *converter) writeBackendTLS() {
	by := map[string]*ingress{}
	for _, g := range c.old.ingresses {
		secret, ok := verifies(g)
		if w := c.routes[g]; !ok || w == nil || len(w.names) == 0 {
			continue
		}
		for _, service := range c.servicesOf(g) {
			key := g.namespace + "/" + service
			if first := by[key]; first != nil {
				if first.set.text("proxy-ssl-name") != g.set.text("proxy-ssl-name") || first.set.text("proxy-ssl-secret") != g.set.text("proxy-ssl-secret") {
					c.report.about(g, Conflict, "Service %s is verified otherwise for Ingress %s, which is older; a Service has one BackendTLSPolicy", key, first.place()).Effect = Breaks
				}
				continue
			}
			by[key] = g
			name := c.existing.free("BackendTLSPolicy", g.namespace, service)
			c.objects = append(c.objects, object(gatewayAPI, "BackendTLSPolicy", g.namespace, name, nil, nil, map[string]any{
				"targetRefs": []any{map[string]any{"group": "", "kind": "Service", "name": service}},
				"validation": map[string]any{
					"caCertificateRefs": []any{map[string]any{"group": "", "kind": "Secret", "name": secret}}, "hostname": g.set.text("proxy-ssl-name"),
				},
			}))
		}
	}
}

// servicesOf are the Services that the locations of an Ingress send to, sorted.
func (c *converter) servicesOf(g *ingress) []string {
	set := map[string]bool{}
	for _, host := range c.hostOrder() {
		for _, l := range c.old.view.Server(host).Locations {
			if c.old.owners[l].ingress == g && l.Action.Backend != nil {
				set[l.Action.Backend.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}
