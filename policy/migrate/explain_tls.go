package migrate

import (
	"strings"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

func (c *explainer) explainPassthrough(g *ingress, name string) {
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

func (c *explainer) explainBackendTLS(g *ingress, short, name string) {
	if !overTLS(g.set) {
		c.report.annotation(g, name, NoEffect, None, "backend-protocol is not HTTPS or GRPCS")
		return
	}
	if _, ok := verifies(g); ok {
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
