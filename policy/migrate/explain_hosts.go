package migrate

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// explainHosts says what is to be known of hosts.
func (c *explainer) explainHosts() {
	for _, host := range c.hostOrder() {
		c.incomplete(host)
		c.order(host)
		c.fallsThrough(host)
	}
}

// incomplete says which Ingresses of a host are not written (M4).
func (c *explainer) incomplete(host string) {
	var chosen *ingress
	var others []string
	for _, g := range c.old.listing[host] {
		switch {
		case g.chosen && chosen == nil:
			chosen = g
		case !g.chosen:
			others = append(others, g.place())
		}
	}
	if chosen == nil || len(others) == 0 {
		return
	}
	if c.options.Bridge.Name != "" && c.options.Routes == nil {
		f := c.report.about(chosen, Advice, "%s is served by Ingresses that are not written here, too: %s; a rule leads what is theirs to the old controller",
			routing.HostText(host), strings.Join(others, ", "))
		f.Host, f.Effect = host, None
		return
	}
	f := c.report.about(chosen, HostIncomplete, "%s is served by Ingresses that are not written here, too: %s; moving its DNS now would lose their paths",
		routing.HostText(host), strings.Join(others, ", "))
	f.Host, f.Effect = host, Breaks
}

// order says that the data plane chooses among regular expressions (M28).
func (c *explainer) order(host string) {
	h := c.hosts[host]
	if !h.regex || len(c.old.view.Server(host).Locations) < 2 {
		return
	}
	for _, g := range c.old.listing[host] {
		if g.chosen {
			f := c.report.about(g, Order, "%s: its paths are regular expressions, and Gateway API leaves their order to the data plane; nginx goes by their length: verify --data-plane knows some", routing.HostText(host))
			f.Host, f.Effect = host, Differs
			return
		}
	}
}

// fallsThrough says that a request which no rule of its host takes may reach the
// routes of every host (M30).
func (c *explainer) fallsThrough(host string) {
	if host == routing.CatchAll || !c.wider(host) || c.options.DefaultBackend.Name != "" {
		return
	}
	for _, l := range c.old.view.Server(host).Locations {
		if l.Path == "/" && !l.Exact && l.Action.Backend != nil {
			return
		}
	}
	i := slices.IndexFunc(c.old.listing[host], func(g *ingress) bool { return g.chosen })
	if i < 0 {
		return
	}
	f := c.report.about(c.old.listing[host][i], Fallthrough, "%s: the controller answers 404 where no path fits; Gateway API lets such a request reach the routes of a less specific host: "+
		"--default-backend NAMESPACE/SERVICE:PORT writes a rule that prevents it", routing.HostText(host))
	f.Host, f.Effect = host, Differs
}

// explainKeys says what becomes of the keys of the ConfigMap (M43).
func (c *explainer) explainKeys() {
	m := c.old.config.object
	if m == nil || c.old.controller.keys == nil {
		return
	}
	rows := rowsByName(c.old.controller.keys())
	for _, key := range slices.Sorted(maps.Keys(c.old.config.values)) {
		row, value := rowOf(rows, key), c.old.config.values[key]
		f := Finding{
			Key: key, Value: value, File: m.File, Document: m.Document, Line: m.line("data[" + key + "]"),
		}
		switch {
		case row == nil:
			f.Status, f.Effect, f.Message = Unknown, Differs, "the controller has no such key"
		case row.isOff(value) || row.Status == Lost && row.Effect == Exposes && value == "false":
			f.Status, f.Effect, f.Message = NoEffect, None, "it is off"
		default:
			f.Status, f.Effect, f.Message = row.Status, row.Effect, row.Becomes
		}
		f.Message = "ConfigMap " + placeOf(m) + " " + key + ": " + quoted(value) + ": " + f.Message
		c.report.add(f)
	}
}

// explainImplicit says what the controller does without being told (M42).
func (c *explainer) explainImplicit() {
	r := c.report
	where := "on the Gateway"
	if !c.options.NewGateway && c.options.Defaults != DefaultsGateway {
		where = "in the policies of each route (implicit/defaults-on-routes)"
	}
	from := "the ConfigMap and the values compiled into " + c.old.controller.version
	if c.old.config.object == nil {
		from = "the values compiled into " + c.old.controller.version + ", for no ConfigMap is in the input"
	}
	if c.options.Defaults == DefaultsNone {
		r.implicit("defaults", Differs, "timeouts and retries of the controller are not written, as --no-defaults asks")
	} else {
		r.implicit("defaults", None, "timeouts and retries without annotations are stated %s: %s", where, from)
	}
	if c.options.NewGateway {
		_ = r.add(Finding{Status: Advice, Effect: None, Message: "Gateway " + c.options.Gateway.String() +
			": routes of every namespace may use its listeners, as with the controller; narrow allowedRoutes.namespaces to a selector once the routes are there"})
	}
	if !c.options.NewGateway && c.options.Defaults == DefaultsRoutes {
		r.implicit("defaults-on-routes", None, "policies on the Gateway would change strangers' routes, so each route states the defaults itself")
	}
	if !c.old.controller.nginx {
		c.explainOtherDefaults()
		return
	}
	r.implicit("body-size", Differs, "bodies above %s are refused with 413; a data plane has its own limit", c.old.config.value("proxy-body-size"))
	if c.options.HSTS == HSTSKeep {
		r.implicit("hsts", None, "answers by https have Strict-Transport-Security: %s", c.old.hsts())
	} else {
		r.implicit("hsts", Differs, "answers by https have Strict-Transport-Security: %s; --hsts=keep writes it into the routes", c.old.hsts())
	}
	r.implicit("default-certificate", Differs, "every host answers by https, with a certificate of the controller's own where there is none")
	r.implicit("normal-paths", Differs, "paths are decoded, and ., .. and double slashes resolved, before they are compared; a data plane does it its own way")
	r.implicit("headers", Differs, "X-Forwarded-For, -Host, -Port, -Proto, -Scheme, X-Real-IP, X-Request-ID and X-Scheme are set, and headers with underscores are dropped")
	if c.cutsSlash() {
		r.implicit("https-slash", Differs, "redirects to https cut off a final / of the path; a RequestRedirect keeps it")
	}
	c.explainLimits()
	r.implicit("wildcards", Differs, "a wildcard host takes one label; one of a route takes any number")
	r.implicit("not-found", Differs, "a request that no path of its host takes is answered with 404, never by another host's route")
}

// explainLimits says what refuses above a limit, and whose address is counted (M57).
func (c *explainer) explainLimits() {
	if !slices.ContainsFunc(c.objects, func(u *unstructured.Unstructured) bool { return u.GetKind() == RateLimitPolicy }) {
		return
	}
	if code := c.old.config.value("limit-req-status-code"); code != "429" {
		c.report.implicit("limit-status", Differs, "requests above a limit are refused with %s, by most data planes with 429", code)
	}
	for _, key := range []string{"use-forwarded-headers", "use-proxy-protocol"} {
		if c.old.config.value(key) == "true" {
			c.report.implicit("client-address", Differs, "%s says where the address of a client is from; limits count that which the data plane trusts", key)
			return
		}
	}
}

// cutsSlash says whether some redirect to https cuts off a final "/" (M20).
func (c *explainer) cutsSlash() bool {
	for _, host := range c.hostOrder() {
		for _, l := range c.old.view.Server(host).Locations {
			if l.Action.HTTPS != 0 && !l.Action.KeepSlash {
				return true
			}
		}
	}
	return false
}

// explainBridges says what the old controller has to trust (M5).
func (c *explainer) explainBridges() {
	if !c.hasBridges() {
		return
	}
	trusts := c.old.config.value("use-forwarded-headers") == "true"
	f := Finding{Status: Advice, Effect: None, Implicit: "implicit/bridge", Message: "implicit/bridge: the old controller answers the rest of incomplete hosts; its ConfigMap has use-forwarded-headers, so it sees that the request came by https"}
	if !trusts {
		f.Effect = Breaks
		f.Message = "implicit/bridge: the old controller answers the rest of incomplete hosts: it must trust the Gateway's X-Forwarded-Proto (use-forwarded-headers: \"true\" in its ConfigMap), or it redirects to https for ever"
	}
	c.report.add(f)
}
