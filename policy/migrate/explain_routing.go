package migrate

import (
	"strings"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// hostsOf are the rules of the hosts of an Ingress.
func (c *explainer) hostsOf(g *ingress) []*hostRules {
	var list []*hostRules
	for _, host := range g.hosts() {
		if h := c.hosts[host]; h != nil {
			list = append(list, h)
		}
	}
	return list
}

// locationsOf are the locations of an Ingress on a host.
func (c *explainer) locationsOf(g *ingress, h *hostRules) []*routing.Location {
	var list []*routing.Location
	for _, l := range c.old.view.Server(h.host).Locations {
		if c.old.owners[l].ingress == g {
			list = append(list, l)
		}
	}
	return list
}

func (c *explainer) explainPath(g *ingress, short, name string) bool {
	switch short {
	case "app-root":
		c.report.annotation(g, name, Converted, "", "RequestRedirect of / to %s with 302", g.set.text(short))
		return true
	case "use-regex":
		if !g.set.bool(short) {
			c.report.annotation(g, name, NoEffect, None, "it is off, as without it")
			return true
		}
	case "rewrite-target":
		if !c.changesPath(g) {
			c.report.annotation(g, name, NoEffect, None, "it is the path itself")
			return true
		}
	default:
		return false
	}
	status, effect, text := Converted, Effect(""), ""
	var differs []string
	for _, h := range c.hostsOf(g) {
		switch {
		case h.plain != nil:
			differs = append(differs, differences(h.plain, c.old.view.Server(h.host).Locations)...) // it changes every path of the host
		case h.regex && short == "rewrite-target" && c.usesGroups(g):
			f := c.report.annotation(g, name, Lost, Breaks, "on host %s some path has no equal but a regular expression, and no filter fills in %s there; "+
				"make the paths prefixes, or rewrite in the backend, then --accept rewrite-target", routing.HostText(h.host), quoted(g.set.text(short)))
			f.Accepted = c.options.accepts("rewrite-target")
			f.Held = !f.Accepted
			return true
		case h.regex:
			status, effect, text = Approximated, Differs, "RegularExpression matches, whose order among others is the data plane's choice"
		}
	}
	if text == "" {
		text = "plain matches"
		if short == "rewrite-target" {
			text += " with URLRewrite"
		}
	}
	if len(differs) > 0 {
		status, effect = Approximated, Differs
		text += "; unlike nginx: " + strings.Join(compactWords(differs), "; ")
	}
	c.report.annotation(g, name, status, effect, "%s", text)
	return true
}

// changesPath says whether rewrite-target differs from some path of the Ingress, the
// server's own "/" included.
func (c *explainer) changesPath(g *ingress) bool {
	for _, h := range c.hostsOf(g) {
		for _, l := range c.locationsOf(g, h) {
			if l.Action.Rewrite != "" {
				return true
			}
		}
	}
	return false
}

func (c *explainer) usesGroups(g *ingress) bool {
	return strings.Contains(g.set.text("rewrite-target"), "$")
}

// differences are those between nginx's expressions and the plain matches of
// locations (M27).
func differences(h *routing.PlainHost, locations []*routing.Location) []string {
	var list []string
	for _, l := range locations {
		if h.Hidden[l] != nil {
			continue
		}
		for _, p := range h.Plain[l] {
			if p.Path != "/" {
				list = append(list, "upper and lower case are told apart")
			}
			if p.Open && !p.Exact {
				list = append(list, p.Path+" takes whole path elements, not "+p.Path+"xy")
			}
			if p.Bare {
				list = append(list, p.Path+" itself matches")
			}
			if p.Slash {
				list = append(list, p.Path+" itself is rewritten to "+p.Prefix+" without a final /")
			}
			if p.Dot {
				list = append(list, "a dot in "+p.Path+" is a dot")
			}
		}
	}
	return list
}

func compactWords(list []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, w := range list {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}

func (c *explainer) explainRedirect(g *ingress, short, name string) bool {
	s := g.set
	switch short {
	case "permanent-redirect", "temporal-redirect":
		c.explainURL(g, short, name)
	case "permanent-redirect-code", "temporal-redirect-code":
		of := strings.TrimSuffix(short, "-code")
		n, _ := s.int(short)
		switch {
		case !s.has(of):
			c.report.annotation(g, name, NoEffect, None, "%s is not stated", of)
		case n < 300 || n > 308:
			c.report.annotation(g, name, NoEffect, None, "the controller takes 300 to 308 only")
		case routing.RedirectCode(n) != n:
			c.report.annotation(g, name, Approximated, Differs, "a RequestRedirect takes 301, 302, 303, 307 and 308: %d", routing.RedirectCode(n))
		default:
			c.report.annotation(g, name, Converted, "", "statusCode %d", n)
		}
	case "ssl-redirect", "force-ssl-redirect":
		c.explainHTTPS(g, short, name)
	case "preserve-trailing-slash", "relative-redirects", "use-port-in-redirects":
		right := map[string]bool{"preserve-trailing-slash": true, "relative-redirects": false, "use-port-in-redirects": false}[short]
		if s.bool(short) == right {
			c.report.annotation(g, name, Converted, "", "a RequestRedirect does so")
		} else {
			c.report.annotation(g, name, Approximated, Differs, "a RequestRedirect keeps the path, is absolute, and names a port only where it is not the usual one")
		}
	case "from-to-www-redirect":
		c.explainWWW(g, name)
	case "server-alias":
		c.explainAlias(g, name)
	default:
		return false
	}
	return true
}

func (c *explainer) explainURL(g *ingress, short, name string) {
	if short == "permanent-redirect" && g.set.has("temporal-redirect") {
		c.report.annotation(g, name, NoEffect, None, "temporal-redirect is stated and comes before it")
		return
	}
	for _, h := range c.hostsOf(g) {
		for _, l := range c.locationsOf(g, h) {
			if l.Action.Redirect == "" {
				continue
			}
			if _, ok := redirectTo(l.Action); !ok {
				f := c.report.annotation(g, name, Lost, Breaks, "a RequestRedirect has no variables, query or fragment: redirect in the backend, then --accept %s", short)
				f.Accepted = c.options.accepts(short)
				f.Held = !f.Accepted
				return
			}
		}
	}
	c.report.annotation(g, name, Converted, "", "RequestRedirect; nothing is sent to the backend, as before")
}

func (c *explainer) explainHTTPS(g *ingress, short, name string) {
	redirects, cut := false, false
	for _, h := range c.hostsOf(g) {
		for _, l := range c.locationsOf(g, h) {
			redirects = redirects || l.Action.HTTPS != 0
			cut = cut || l.Action.HTTPS != 0 && !l.Action.KeepSlash
		}
	}
	switch {
	case !redirects && g.set.bool(short):
		c.report.annotation(g, name, NoEffect, None, "no tls entry lists a host of the Ingress")
	case !redirects:
		c.report.annotation(g, name, Converted, "", "http is served as it is")
	case !g.set.bool(short):
		c.report.annotation(g, name, NoEffect, None, "the other annotation, or the ConfigMap, redirects all the same")
	case cut:
		c.report.annotation(g, name, Approximated, Differs, "RequestRedirect to https with %d; a final / of the path is kept, which nginx cuts off", routing.RedirectCode(c.old.redirectCode()))
	default:
		c.report.annotation(g, name, Converted, "", "RequestRedirect to https with %d", routing.RedirectCode(c.old.redirectCode()))
	}
}

func (c *explainer) explainWWW(g *ingress, name string) {
	var moved, kept []string
	for _, host := range g.hosts() {
		if other, _, ok := c.old.view.MovedTo(host); ok {
			moved = append(moved, other+" to "+host)
		} else {
			kept = append(kept, otherName(host))
		}
	}
	switch {
	case !g.set.bool("from-to-www-redirect"):
		c.report.annotation(g, name, NoEffect, None, "it is off, as without it")
	case len(moved) == 0:
		c.report.annotation(g, name, NoEffect, None, "%s is a host of its own", strings.Join(kept, ", "))
	default:
		c.report.annotation(g, name, Converted, "", "RequestRedirect of %s with %d", strings.Join(moved, ", "), routing.RedirectCode(c.old.redirectCode()))
	}
}

func (c *explainer) explainAlias(g *ingress, name string) {
	var names, lost []string
	first := false
	for _, host := range g.hosts() {
		names = append(names, c.old.view.AliasesOf(host)...)
		first = first || len(c.old.view.AliasesOf(host)) > 0
	}
	for alias := range strings.SplitSeq(g.set.text("server-alias"), ",") {
		if alias = strings.TrimSpace(alias); isPattern(alias) {
			lost = append(lost, alias)
		}
	}
	switch {
	case len(lost) > 0:
		c.report.annotation(g, name, Lost, Breaks, "hostnames of a route are no patterns: state the names that %s stands for", strings.Join(lost, ", "))
	case !first:
		c.report.annotation(g, name, NoEffect, None, "an older Ingress of the host states aliases, or the names are hosts of their own")
	default:
		c.report.annotation(g, name, Converted, "", "hostnames %s", strings.Join(names, ", "))
	}
}

func (c *explainer) explainCanary(g *ingress, short, name string) bool {
	if !strings.HasPrefix(short, "canary") {
		return false
	}
	s := g.set
	switch {
	case !s.bool("canary"):
		c.report.annotation(g, name, NoEffect, None, "the Ingress is no canary")
		return true
	case !c.canaryCounts(g):
		c.report.annotation(g, name, NoEffect, None, "the canary has no primary, or an older canary has it")
		return true
	}
	n, _ := s.int(short)
	switch short {
	case "canary-by-header-pattern":
		if !s.has("canary-by-header") || s.has("canary-by-header-value") {
			c.report.annotation(g, name, NoEffect, None, "canary-by-header is not stated, or canary-by-header-value comes before it")
			return true
		}
		c.report.annotation(g, name, Approximated, Differs, "a header match by regular expression; nginx searches in the value, data planes may compare the whole")
	case "canary-by-header-value":
		if !s.has("canary-by-header") {
			c.report.annotation(g, name, NoEffect, None, "canary-by-header is not stated")
			return true
		}
		c.report.annotation(g, name, Converted, "", "a rule with this header value")
	case "canary-by-cookie":
		c.report.annotation(g, name, Approximated, Differs, "matches of the header Cookie by regular expression; headers come before it")
	case "canary-weight":
		c.report.annotation(g, name, Converted, "", "weights %d and %d of backendRefs", canaryTotal(s)-min(n, canaryTotal(s)), min(n, canaryTotal(s)))
	case "canary-weight-total":
		if n <= 100 {
			c.report.annotation(g, name, NoEffect, None, "the controller takes a total above 100 only: it is 100")
			return true
		}
		c.report.annotation(g, name, Converted, "", "the sum of the weights")
	default:
		c.report.annotation(g, name, Converted, "", "rules and weights on the routes of its primary")
	}
	return true
}

// canaryCounts says whether a canary is the alternative of some location.
func (c *explainer) canaryCounts(g *ingress) bool {
	counts := false
	c.old.eachPath(g, func(key locationKey, p *ingressPath, _ string) {
		l := c.old.at(key)
		to, ok := c.old.resolve(g, p.backend)
		counts = counts || ok && l != nil && l.Action.Canary != nil && l.Action.Canary.Backend == to
	})
	return counts
}

func (c *explainer) explainBackend(g *ingress, short, name string) bool {
	switch short {
	case "backend-protocol":
		c.explainProtocol(g, name)
	case "ssl-passthrough":
		c.explainPassthrough(g, name)
	case "upstream-vhost":
		if !hostnamePattern().MatchString(strings.ToLower(g.set.text(short))) {
			f := c.report.annotation(g, name, Lost, Breaks, "URLRewrite takes a hostname only")
			f.Accepted = c.options.accepts(short)
			return true
		}
		c.report.annotation(g, name, Converted, "", "URLRewrite hostname %s", g.set.text(short))
	default:
		if !strings.HasPrefix(short, "proxy-ssl-") {
			return false
		}
		c.explainBackendTLS(g, short, name)
	}
	return true
}

func (c *explainer) explainProtocol(g *ingress, name string) {
	value := strings.ToUpper(g.set.text("backend-protocol"))
	switch value {
	case "HTTP", "AUTO_HTTP":
		c.report.annotation(g, name, Converted, "", "routes speak HTTP to backends")
	case "HTTPS":
		if _, ok := verifies(g); ok {
			c.report.annotation(g, name, Converted, "", "BackendTLSPolicy for the Services")
			return
		}
		c.report.annotation(g, name, Approximated, Differs, "state appProtocol: https on the port of the Service, or write a BackendTLSPolicy, which verifies the backend; the controller does not by default")
	case "GRPC", "GRPCS":
		grpc := len(c.hostsOf(g)) > 0
		for _, h := range c.hostsOf(g) {
			grpc = grpc && c.grpc(g, h)
		}
		if grpc {
			c.report.annotation(g, name, Converted, "", "GRPCRoute")
			return
		}
		c.report.annotation(g, name, Approximated, Breaks, "HTTPRoute, for a path is not that of a service or needs what GRPCRoute has not: state appProtocol: kubernetes.io/h2c on the port of the Service")
	default:
		c.report.annotation(g, name, Lost, Breaks, "Gateway API does not speak FastCGI: put a web server in front of the program")
	}
}

func (c *explainer) explainHeaders(g *ingress, short, name string) bool {
	s := g.set
	switch {
	case short == "x-forwarded-prefix":
		if !c.changesPath(g) {
			c.report.annotation(g, name, NoEffect, None, "it counts together with rewrite-target only")
			return true
		}
		c.report.annotation(g, name, Converted, "", "RequestHeaderModifier sets X-Forwarded-Prefix")
	case short == "custom-headers":
		if len(c.old.customHeaders(g)) == 0 {
			c.report.annotation(g, name, Lost, Differs, "ConfigMap %s is not in the input, or is empty: give it", s.text(short))
			return true
		}
		c.report.annotation(g, name, Converted, "", "ResponseHeaderModifier sets %s", headerNames(c.old.customHeaders(g)))
	case strings.HasPrefix(short, "cors-") || short == "enable-cors":
		switch {
		case short == "enable-cors" && !s.bool(short):
			c.report.annotation(g, name, NoEffect, None, "it is off, as without it")
		case !s.bool("enable-cors"):
			c.report.annotation(g, name, NoEffect, None, "enable-cors is not stated")
		default:
			c.report.annotation(g, name, Converted, "", "the CORS filter")
		}
	case short == "mirror-target":
		if _, ok := mirrorOf(s); !ok {
			c.report.annotation(g, name, Lost, None, "RequestMirror takes a Service of the namespace only")
			return true
		}
		c.report.annotation(g, name, Approximated, None, "RequestMirror; the copy has the path of the request")
	default:
		return false
	}
	return true
}

func headerNames(list []routing.Header) string {
	var names []string
	for _, h := range list {
		names = append(names, h.Name)
	}
	return strings.Join(names, ", ")
}

// canaryTotal is the sum of the weights of a canary and its primary.
func canaryTotal(s *settings) int {
	if n, ok := s.int("canary-weight-total"); ok && n > 100 {
		return n
	}
	return 100
}
