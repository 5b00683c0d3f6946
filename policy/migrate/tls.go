package migrate

import (
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
				f := c.report.about(g, Unbound, "%s: no listener of Gateway %s passes TLS on for it: add one with protocol TLS, mode Passthrough and this hostname", hostText(host), c.gateway.name)
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
func (g *ingress) verifies() (secret string, ok bool) {
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
		secret, ok := g.verifies()
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
	return sortedKeys(set)
}

func (c *converter) explainPassthrough(g *ingress, name string) {
	var hosts, others []string
	for _, host := range g.hosts() {
		switch _, ok := c.old.view.Passed(host); {
		case ok && c.old.listing[host][0] == g:
			hosts = append(hosts, host)
		case host != routing.CatchAll:
			others = append(others, host)
		}
	}
	switch {
	case !g.set.bool("ssl-passthrough"):
		c.report.annotation(g, name, NoEffect, None, "it is off, as without it")
	case len(hosts) == 0:
		c.report.annotation(g, name, NoEffect, None, "it counts for / of a host, on the oldest Ingress of the host; not for %s", strings.Join(others, ", "))
	default:
		f := c.report.annotation(g, name, Converted, "", "TLSRoute for %s; what else is said of https there has no effect, as before", strings.Join(hosts, ", "))
		f.Became = []Became{{Kind: "TLSRoute", Namespace: g.namespace, Name: c.existing.free("TLSRoute", g.namespace, g.name)}}
	}
}

func (c *converter) explainBackendTLS(g *ingress, short, name string) {
	if !overTLS(g.set) {
		c.report.annotation(g, name, NoEffect, None, "backend-protocol is not HTTPS or GRPCS")
		return
	}
	if _, ok := g.verifies(); ok {
		f := c.report.annotation(g, name, Approximated, Differs, "BackendTLSPolicy for the Services; it refers to the Secret, which is up to the data plane: where it takes ConfigMaps only, put ca.crt into one; "+
			"a client certificate is not presented")
		for _, service := range c.servicesOf(g) {
			f.Became = append(f.Became, Became{Kind: "BackendTLSPolicy", Namespace: g.namespace, Name: c.existing.free("BackendTLSPolicy", g.namespace, service)})
		}
		return
	}
	switch short {
	case "proxy-ssl-verify":
		if g.set.text(short) == "off" {
			c.report.annotation(g, name, Converted, "", "nothing is verified without a BackendTLSPolicy")
			return
		}
	case "proxy-ssl-server-name":
		c.report.annotation(g, name, Lost, Differs, "which name is sent is the data plane's choice without a BackendTLSPolicy")
		return
	}
	c.report.annotation(g, name, Lost, Differs, "no BackendTLSPolicy is written: it needs proxy-ssl-verify on, proxy-ssl-name, and proxy-ssl-secret in the namespace of the Ingress")
}
