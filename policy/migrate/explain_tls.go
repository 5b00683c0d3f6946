package migrate

import (
	"strings"

	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/newside"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

func (c *explainer) explainPassthrough(g *ingress.Ingress, name string) {
	var hosts, others []string
	for _, host := range g.Hosts() {
		switch _, ok := c.Old.View.Passed(host); {
		case ok && c.Old.ByHost[host][0] == g:
			hosts = append(hosts, host)
		case host != routing.CatchAll:
			others = append(others, host)
		}
	}
	switch {
	case !g.Settings.Bool("ssl-passthrough"):
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "it is off, as without it")
	case len(hosts) == 0:
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "it counts for / of a host, on the oldest Ingress of the host; not for %s", strings.Join(others, ", "))
	default:
		f := c.Report.Annotation(g, name, finding.Converted, "", "TLSRoute for %s; what else is said of https there has no effect, as before", strings.Join(hosts, ", "))
		f.Became = []finding.Became{{Kind: "TLSRoute", Namespace: g.Namespace, Name: c.Names.Free("TLSRoute", g.Namespace, g.Name)}}
	}
}

func (c *explainer) explainBackendTLS(g *ingress.Ingress, short, name string) {
	if !oldside.OverTLS(g.Settings) {
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "backend-protocol is not HTTPS or GRPCS")
		return
	}
	if _, ok := newside.VerifiesBackends(g); ok {
		f := c.Report.Annotation(g, name, finding.Approximated, finding.Differs, "BackendTLSPolicy for the Services; it refers to the Secret, which is up to the data plane: where it takes ConfigMaps only, put ca.crt into one; "+
			"a client certificate is not presented")
		for _, service := range c.ServicesOf(g) {
			f.Became = append(f.Became, finding.Became{Kind: "BackendTLSPolicy", Namespace: g.Namespace, Name: c.Names.Free("BackendTLSPolicy", g.Namespace, service)})
		}
		return
	}
	switch short {
	case "proxy-ssl-verify":
		if g.Settings.Text(short) == "off" {
			c.Report.Annotation(g, name, finding.Converted, "", "nothing is verified without a BackendTLSPolicy")
			return
		}
	case "proxy-ssl-server-name":
		c.Report.Annotation(g, name, finding.Lost, finding.Differs, "which name is sent is the data plane's choice without a BackendTLSPolicy")
		return
	}
	c.Report.Annotation(g, name, finding.Lost, finding.Differs, "no BackendTLSPolicy is written: it needs proxy-ssl-verify on, proxy-ssl-name, and proxy-ssl-secret in the namespace of the Ingress")
}
