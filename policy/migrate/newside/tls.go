package newside

import (
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// passer is the Ingress whose "/" the https of a host goes to.
func (c *Side) passer(host string) *ingress.Ingress {
	s := c.Old.View.Server(host)
	if s == nil {
		return nil
	}
	for _, l := range s.Locations {
		if l.Path == "/" && l.Action.Backend != nil {
			return c.Old.Owners[l].Ingress
		}
	}
	return nil
}

// writePassed writes the TLSRoutes of hosts whose https is passed on as it is (M34).
func (c *Side) writePassed() {
	byIngress := map[*ingress.Ingress][]string{}
	for _, host := range c.HostOrder() {
		if _, ok := c.Old.View.Passed(host); ok {
			if g := c.passer(host); g != nil && g.Chosen {
				byIngress[g] = append(byIngress[g], host)
			}
		}
	}
	for _, g := range c.Old.Ingresses {
		n := 0
		for _, host := range byIngress[g] {
			refs := c.passedBy(g.Namespace, host)
			if len(refs) == 0 {
				f := c.Report.About(g, finding.Unbound, "%s: no listener of Gateway %s passes TLS on for it: add one with protocol TLS, mode Passthrough and this hostname", routing.HostText(host), c.gateway.name)
				f.Host, f.Effect = host, finding.Breaks
				continue
			}
			to, _ := c.Old.View.Passed(host)
			name := c.Names.Free("TLSRoute", g.Namespace, document.Numbered(g.Name, n))
			n++
			c.Objects = append(c.Objects, document.New(document.GatewayAPI, "TLSRoute", g.Namespace, name, g.Labels, g.Marks(), map[string]any{
				"parentRefs": refs, "hostnames": []any{host},
				"rules": []any{map[string]any{"backendRefs": []any{backendTo(to, g.Namespace)}}},
			}))
		}
	}
}

// passedBy are the listeners that pass TLS on for a host.
func (c *Side) passedBy(namespace, host string) []any {
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

// VerifiesBackends says whether the controller verifies the backends of an Ingress in a way
// that a BackendTLSPolicy can have: with a Secret of its namespace, and a name (M34).
func VerifiesBackends(g *ingress.Ingress) (secret string, ok bool) {
	s := g.Settings
	secret = s.Text("proxy-ssl-secret")
	if namespace, name, two := strings.Cut(secret, "/"); two {
		if namespace != g.Namespace {
			return "", false
		}
		secret = name
	}
	return secret, oldside.OverTLS(s) && s.Text("proxy-ssl-verify") == "on" && secret != "" && HostnamePattern().MatchString(s.Text("proxy-ssl-name"))
}

// writeBackendTLS writes a BackendTLSPolicy for each Service of an Ingress whose
// backends are verified. Of two Ingresses with one Service the older has it.
func (c *Side) writeBackendTLS() {
	by := map[string]*ingress.Ingress{}
	for _, g := range c.Old.Ingresses {
		secret, ok := VerifiesBackends(g)
		if w := c.routes[g]; !ok || w == nil || len(w.names) == 0 {
			continue
		}
		for _, service := range c.ServicesOf(g) {
			key := g.Namespace + "/" + service
			if first := by[key]; first != nil {
				if first.Settings.Text("proxy-ssl-name") != g.Settings.Text("proxy-ssl-name") || first.Settings.Text("proxy-ssl-secret") != g.Settings.Text("proxy-ssl-secret") {
					c.Report.About(g, finding.Conflict, "Service %s is verified otherwise for Ingress %s, which is older; a Service has one BackendTLSPolicy", key, first.Place()).Effect = finding.Breaks
				}
				continue
			}
			by[key] = g
			name := c.Names.Free("BackendTLSPolicy", g.Namespace, service)
			c.Objects = append(c.Objects, document.New(document.GatewayAPI, "BackendTLSPolicy", g.Namespace, name, nil, nil, map[string]any{
				"targetRefs": []any{map[string]any{"group": "", "kind": "Service", "name": service}},
				"validation": map[string]any{
					"caCertificateRefs": []any{map[string]any{"group": "", "kind": "Secret", "name": secret}}, "hostname": g.Settings.Text("proxy-ssl-name"),
				},
			}))
		}
	}
}

// ServicesOf are the Services that the locations of an Ingress send to, sorted.
func (c *Side) ServicesOf(g *ingress.Ingress) []string {
	set := map[string]bool{}
	for _, host := range c.HostOrder() {
		for _, l := range c.Old.View.Server(host).Locations {
			if c.Old.Owners[l].Ingress == g && l.Action.Backend != nil {
				set[l.Action.Backend.Name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}
