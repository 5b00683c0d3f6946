package migrate

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/migrate/controller"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// explainHosts reports what to know about each host.
func (c *explainer) explainHosts() {
	for _, host := range c.HostOrder() {
		c.incomplete(host)
		c.order(host)
		c.fallsThrough(host)
	}
}

// incomplete says which Ingresses of a host are not written (M4).
func (c *explainer) incomplete(host string) {
	var chosen *ingress.Ingress
	var others []string
	for _, g := range c.Old.ByHost[host] {
		switch {
		case g.Chosen && chosen == nil:
			chosen = g
		case !g.Chosen:
			others = append(others, g.Place())
		}
	}
	if chosen == nil || len(others) == 0 {
		return
	}
	if c.Options.Bridge.Name != "" && c.Options.Routes == nil {
		f := c.Report.About(chosen, finding.Advice, "%s is served by Ingresses that are not written here, too: %s; a rule leads what is theirs to the old controller",
			routing.HostText(host), strings.Join(others, ", "))
		f.Host, f.Effect = host, finding.None
		return
	}
	f := c.Report.About(chosen, finding.HostIncomplete, "%s is served by Ingresses that are not written here, too: %s; moving its DNS now would lose their paths",
		routing.HostText(host), strings.Join(others, ", "))
	f.Host, f.Effect = host, finding.Breaks
}

// order reports that the data plane chooses among regular expressions (M28).
func (c *explainer) order(host string) {
	h := c.Hosts[host]
	if !h.Regex || len(c.Old.View.Server(host).Locations) < 2 {
		return
	}
	for _, g := range c.Old.ByHost[host] {
		if g.Chosen {
			f := c.Report.About(g, finding.Order, "%s: its paths are regular expressions, and Gateway API leaves their order to the data plane; nginx goes by their length: verify --data-plane knows some", routing.HostText(host))
			f.Host, f.Effect = host, finding.Differs
			return
		}
	}
}

// fallsThrough says that a request which no rule of its host takes may reach the
// routes of every host (M30).
func (c *explainer) fallsThrough(host string) {
	if host == routing.CatchAll || !c.HasWider(host) || c.Options.DefaultBackend.Name != "" {
		return
	}
	for _, l := range c.Old.View.Server(host).Locations {
		if l.Path == "/" && !l.Exact && l.Action.Backend != nil {
			return
		}
	}
	i := slices.IndexFunc(c.Old.ByHost[host], func(g *ingress.Ingress) bool { return g.Chosen })
	if i < 0 {
		return
	}
	f := c.Report.About(c.Old.ByHost[host][i], finding.Fallthrough, "%s: the controller answers 404 where no path fits; Gateway API lets such a request reach the routes of a less specific host: "+
		"--default-backend NAMESPACE/SERVICE:PORT writes a rule that prevents it", routing.HostText(host))
	f.Host, f.Effect = host, finding.Differs
}

// explainKeys says what becomes of the keys of the ConfigMap (M43).
func (c *explainer) explainKeys() {
	m := c.Old.Config.Object
	if m == nil || c.Old.Controller.Keys == nil {
		return
	}
	rows := controller.RowsByName(c.Old.Controller.Keys())
	for _, key := range slices.Sorted(maps.Keys(c.Old.Config.Values)) {
		row, value := controller.RowOf(rows, key), c.Old.Config.Values[key]
		f := finding.Finding{
			Key: key, Value: value, File: m.File, Document: m.Document, Line: m.LineOf("data[" + key + "]"),
		}
		switch {
		case row == nil:
			f.Status, f.Effect, f.Message = finding.Unknown, finding.Differs, "the controller has no such key"
		case row.IsOff(value) || row.Status == finding.Lost && row.Effect == finding.Exposes && value == "false":
			f.Status, f.Effect, f.Message = finding.NoEffect, finding.None, "it is off"
		default:
			f.Status, f.Effect, f.Message = row.Status, row.Effect, row.Becomes
		}
		f.Message = "ConfigMap " + document.PlaceOf(m) + " " + key + ": " + finding.Quoted(value) + ": " + f.Message
		c.Report.Add(f)
	}
}

// explainImplicit reports what the controller does without an annotation (M42).
func (c *explainer) explainImplicit() {
	r := c.Report
	where := "on the Gateway"
	if !c.Options.NewGateway && c.Options.Defaults != option.DefaultsGateway {
		where = "in the policies of each route (implicit/defaults-on-routes)"
	}
	from := "the ConfigMap and the values compiled into " + c.Old.Controller.Version
	if c.Old.Config.Object == nil {
		from = "the values compiled into " + c.Old.Controller.Version + ", because no ConfigMap is in the input"
	}
	if c.Options.Defaults == option.DefaultsNone {
		r.Implicit("defaults", finding.Differs, "timeouts and retries of the controller are not written, as --no-defaults asks")
	} else {
		r.Implicit("defaults", finding.None, "timeouts and retries without annotations are stated %s: %s", where, from)
	}
	if c.Options.NewGateway {
		_ = r.Add(finding.Finding{Status: finding.Advice, Effect: finding.None, Message: "Gateway " + c.Options.Gateway.String() +
			": routes of every namespace may use its listeners, as with the controller; narrow allowedRoutes.namespaces to a selector once the routes are there"})
	}
	if !c.Options.NewGateway && c.Options.Defaults == option.DefaultsRoutes {
		r.Implicit("defaults-on-routes", finding.None, "policies on the Gateway would change strangers' routes, so each route states the defaults itself")
	}
	if !c.Old.Controller.Nginx {
		c.explainOtherDefaults()
		return
	}
	r.Implicit("body-size", finding.Differs, "bodies above %s are refused with 413; a data plane has its own limit", c.Old.Config.Value("proxy-body-size"))
	if c.Options.HSTS == option.HSTSKeep {
		r.Implicit("hsts", finding.None, "answers by https have Strict-Transport-Security: %s", c.Old.HSTS())
	} else {
		r.Implicit("hsts", finding.Differs, "answers by https have Strict-Transport-Security: %s; --hsts=keep writes it into the routes", c.Old.HSTS())
	}
	r.Implicit("default-certificate", finding.Differs, "every host answers by https, with a certificate of the controller's own where there is none")
	r.Implicit("normal-paths", finding.Differs, "paths are decoded, and ., .. and double slashes resolved, before they are compared; a data plane does it its own way")
	r.Implicit("headers", finding.Differs, "X-Forwarded-For, -Host, -Port, -Proto, -Scheme, X-Real-IP, X-Request-ID and X-Scheme are set, and headers with underscores are dropped")
	if c.cutsSlash() {
		r.Implicit("https-slash", finding.Differs, "redirects to https cut off a final / of the path; a RequestRedirect keeps it")
	}
	c.explainLimits()
	r.Implicit("wildcards", finding.Differs, "a wildcard host matches one label; in a route it matches any number")
	r.Implicit("not-found", finding.Differs, "a request that no path of its host takes is answered with 404, never by another host's route")
}

// explainLimits reports how requests above a limit are refused, and which address is
// counted (M57).
func (c *explainer) explainLimits() {
	if !slices.ContainsFunc(c.Objects, func(u *unstructured.Unstructured) bool { return u.GetKind() == statement.RateLimitPolicy }) {
		return
	}
	if code := c.Old.Config.Value("limit-req-status-code"); code != "429" {
		c.Report.Implicit("limit-status", finding.Differs, "requests above a limit are refused with %s, by most data planes with 429", code)
	}
	for _, key := range []string{"use-forwarded-headers", "use-proxy-protocol"} {
		if c.Old.Config.Value(key) == "true" {
			c.Report.Implicit("client-address", finding.Differs, "%s says where the address of a client is from; limits count that which the data plane trusts", key)
			return
		}
	}
}

// cutsSlash says whether some redirect to https cuts off a final "/" (M20).
func (c *explainer) cutsSlash() bool {
	for _, host := range c.HostOrder() {
		for _, l := range c.Old.View.Server(host).Locations {
			if l.Action.HTTPS != 0 && !l.Action.KeepSlash {
				return true
			}
		}
	}
	return false
}

// explainBridges reports which header the old controller must trust (M5).
func (c *explainer) explainBridges() {
	if !c.HasBridges() {
		return
	}
	trusts := c.Old.Config.Value("use-forwarded-headers") == "true"
	f := finding.Finding{Status: finding.Advice, Effect: finding.None, Implicit: "implicit/bridge", Message: "implicit/bridge: the old controller answers the rest of incomplete hosts; its ConfigMap has use-forwarded-headers, so it sees that the request came by https"}
	if !trusts {
		f.Effect = finding.Breaks
		f.Message = "implicit/bridge: the old controller answers the rest of incomplete hosts: it must trust the Gateway's X-Forwarded-Proto (use-forwarded-headers: \"true\" in its ConfigMap), or it redirects to https for ever"
	}
	c.Report.Add(f)
}
