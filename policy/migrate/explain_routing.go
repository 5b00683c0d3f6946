package migrate

import (
	"strings"

	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/newside"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// hostsOf are the rules of the hosts of an Ingress.
func (c *explainer) hostsOf(g *ingress.Ingress) []*newside.HostRules {
	var list []*newside.HostRules
	for _, host := range g.Hosts() {
		if h := c.Hosts[host]; h != nil {
			list = append(list, h)
		}
	}
	return list
}

// locationsOf are the locations of an Ingress on a host.
func (c *explainer) locationsOf(g *ingress.Ingress, h *newside.HostRules) []*routing.Location {
	var list []*routing.Location
	for _, l := range c.Old.View.Server(h.Host).Locations {
		if c.Old.Owners[l].Ingress == g {
			list = append(list, l)
		}
	}
	return list
}

func (c *explainer) explainPath(g *ingress.Ingress, short, name string) bool {
	switch short {
	case "app-root":
		c.Report.Annotation(g, name, finding.Converted, "", "RequestRedirect of / to %s with 302", g.Settings.Text(short))
		return true
	case "use-regex":
		if !g.Settings.Bool(short) {
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "it is off, as without it")
			return true
		}
	case "rewrite-target":
		if !c.changesPath(g) {
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "it is the path itself")
			return true
		}
	default:
		return false
	}
	status, effect, text := finding.Converted, finding.Effect(""), ""
	var differs []string
	for _, h := range c.hostsOf(g) {
		switch {
		case h.Plain != nil:
			differs = append(differs, differences(h.Plain, c.Old.View.Server(h.Host).Locations)...) // it changes every path of the host
		case h.Regex && short == "rewrite-target" && c.usesGroups(g):
			f := c.Report.Annotation(g, name, finding.Lost, finding.Breaks, "on host %s some path has no equal but a regular expression, and no filter fills in %s there; "+
				"make the paths prefixes, or rewrite in the backend, then --accept rewrite-target", routing.HostText(h.Host), finding.Quoted(g.Settings.Text(short)))
			f.Accepted = c.Options.Accepts("rewrite-target")
			f.Held = !f.Accepted
			return true
		case h.Regex:
			status, effect, text = finding.Approximated, finding.Differs, "RegularExpression matches, whose order among others is the data plane's choice"
		}
	}
	if text == "" {
		text = "plain matches"
		if short == "rewrite-target" {
			text += " with URLRewrite"
		}
	}
	if len(differs) > 0 {
		status, effect = finding.Approximated, finding.Differs
		text += "; unlike nginx: " + strings.Join(compactWords(differs), "; ")
	}
	c.Report.Annotation(g, name, status, effect, "%s", text)
	return true
}

// changesPath says whether rewrite-target differs from some path of the Ingress, the
// server's own "/" included.
func (c *explainer) changesPath(g *ingress.Ingress) bool {
	for _, h := range c.hostsOf(g) {
		for _, l := range c.locationsOf(g, h) {
			if l.Action.Rewrite != "" {
				return true
			}
		}
	}
	return false
}

func (c *explainer) usesGroups(g *ingress.Ingress) bool {
	return strings.Contains(g.Settings.Text("rewrite-target"), "$")
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

func (c *explainer) explainRedirect(g *ingress.Ingress, short, name string) bool {
	s := g.Settings
	switch short {
	case "permanent-redirect", "temporal-redirect":
		c.explainURL(g, short, name)
	case "permanent-redirect-code", "temporal-redirect-code":
		of := strings.TrimSuffix(short, "-code")
		n, _ := s.Int(short)
		switch {
		case !s.Has(of):
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "%s is not stated", of)
		case n < 300 || n > 308:
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "the controller takes 300 to 308 only")
		case routing.RedirectCode(n) != n:
			c.Report.Annotation(g, name, finding.Approximated, finding.Differs, "a RequestRedirect takes 301, 302, 303, 307 and 308: %d", routing.RedirectCode(n))
		default:
			c.Report.Annotation(g, name, finding.Converted, "", "statusCode %d", n)
		}
	case "ssl-redirect", "force-ssl-redirect":
		c.explainHTTPS(g, short, name)
	case "preserve-trailing-slash", "relative-redirects", "use-port-in-redirects":
		right := map[string]bool{"preserve-trailing-slash": true, "relative-redirects": false, "use-port-in-redirects": false}[short]
		if s.Bool(short) == right {
			c.Report.Annotation(g, name, finding.Converted, "", "a RequestRedirect does so")
		} else {
			c.Report.Annotation(g, name, finding.Approximated, finding.Differs, "a RequestRedirect keeps the path, is absolute, and names a port only where it is not the usual one")
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

func (c *explainer) explainURL(g *ingress.Ingress, short, name string) {
	if short == "permanent-redirect" && g.Settings.Has("temporal-redirect") {
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "temporal-redirect is stated and comes before it")
		return
	}
	for _, h := range c.hostsOf(g) {
		for _, l := range c.locationsOf(g, h) {
			if l.Action.Redirect == "" {
				continue
			}
			if _, ok := newside.RedirectTo(l.Action); !ok {
				f := c.Report.Annotation(g, name, finding.Lost, finding.Breaks, "a RequestRedirect has no variables, query or fragment: redirect in the backend, then --accept %s", short)
				f.Accepted = c.Options.Accepts(short)
				f.Held = !f.Accepted
				return
			}
		}
	}
	c.Report.Annotation(g, name, finding.Converted, "", "RequestRedirect; nothing is sent to the backend, as before")
}

func (c *explainer) explainHTTPS(g *ingress.Ingress, short, name string) {
	redirects, cut := false, false
	for _, h := range c.hostsOf(g) {
		for _, l := range c.locationsOf(g, h) {
			redirects = redirects || l.Action.HTTPS != 0
			cut = cut || l.Action.HTTPS != 0 && !l.Action.KeepSlash
		}
	}
	switch {
	case !redirects && g.Settings.Bool(short):
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "no tls entry lists a host of the Ingress")
	case !redirects:
		c.Report.Annotation(g, name, finding.Converted, "", "http is served as it is")
	case !g.Settings.Bool(short):
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "the other annotation, or the ConfigMap, redirects anyway")
	case cut:
		c.Report.Annotation(g, name, finding.Approximated, finding.Differs, "RequestRedirect to https with %d; a final / of the path is kept, which nginx cuts off", routing.RedirectCode(c.Old.RedirectCode()))
	default:
		c.Report.Annotation(g, name, finding.Converted, "", "RequestRedirect to https with %d", routing.RedirectCode(c.Old.RedirectCode()))
	}
}

func (c *explainer) explainWWW(g *ingress.Ingress, name string) {
	var moved, kept []string
	for _, host := range g.Hosts() {
		if other, _, ok := c.Old.View.MovedTo(host); ok {
			moved = append(moved, other+" to "+host)
		} else {
			kept = append(kept, oldside.OtherName(host))
		}
	}
	switch {
	case !g.Settings.Bool("from-to-www-redirect"):
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "it is off, as without it")
	case len(moved) == 0:
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "%s is a host of its own", strings.Join(kept, ", "))
	default:
		c.Report.Annotation(g, name, finding.Converted, "", "RequestRedirect of %s with %d", strings.Join(moved, ", "), routing.RedirectCode(c.Old.RedirectCode()))
	}
}

func (c *explainer) explainAlias(g *ingress.Ingress, name string) {
	var names, lost []string
	first := false
	for _, host := range g.Hosts() {
		names = append(names, c.Old.View.AliasesOf(host)...)
		first = first || len(c.Old.View.AliasesOf(host)) > 0
	}
	for alias := range strings.SplitSeq(g.Settings.Text("server-alias"), ",") {
		if alias = strings.TrimSpace(alias); oldside.IsPattern(alias) {
			lost = append(lost, alias)
		}
	}
	switch {
	case len(lost) > 0:
		c.Report.Annotation(g, name, finding.Lost, finding.Breaks, "hostnames of a route are no patterns: state the names that %s stands for", strings.Join(lost, ", "))
	case !first:
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "an older Ingress of the host states aliases, or the names are hosts of their own")
	default:
		c.Report.Annotation(g, name, finding.Converted, "", "hostnames %s", strings.Join(names, ", "))
	}
}

func (c *explainer) explainCanary(g *ingress.Ingress, short, name string) bool {
	if !strings.HasPrefix(short, "canary") {
		return false
	}
	s := g.Settings
	switch {
	case !s.Bool("canary"):
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "the Ingress is no canary")
		return true
	case !c.canaryCounts(g):
		c.Report.Annotation(g, name, finding.NoEffect, finding.None, "the canary has no primary, or an older canary has it")
		return true
	}
	n, _ := s.Int(short)
	switch short {
	case "canary-by-header-pattern":
		if !s.Has("canary-by-header") || s.Has("canary-by-header-value") {
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "canary-by-header is not stated, or canary-by-header-value comes before it")
			return true
		}
		c.Report.Annotation(g, name, finding.Approximated, finding.Differs, "a header match by regular expression; nginx searches in the value, data planes may compare the whole")
	case "canary-by-header-value":
		if !s.Has("canary-by-header") {
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "canary-by-header is not stated")
			return true
		}
		c.Report.Annotation(g, name, finding.Converted, "", "a rule with this header value")
	case "canary-by-cookie":
		c.Report.Annotation(g, name, finding.Approximated, finding.Differs, "matches of the header Cookie by regular expression; headers come before it")
	case "canary-weight":
		c.Report.Annotation(g, name, finding.Converted, "", "weights %d and %d of backendRefs", canaryTotal(s)-min(n, canaryTotal(s)), min(n, canaryTotal(s)))
	case "canary-weight-total":
		if n <= 100 {
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "the controller takes a total above 100 only: it is 100")
			return true
		}
		c.Report.Annotation(g, name, finding.Converted, "", "the sum of the weights")
	default:
		c.Report.Annotation(g, name, finding.Converted, "", "rules and weights on the routes of its primary")
	}
	return true
}

// canaryCounts says whether a canary is the alternative of some location.
func (c *explainer) canaryCounts(g *ingress.Ingress) bool {
	counts := false
	c.Old.EachPath(g, func(key oldside.Key, p *ingress.Path, _ string) {
		l := c.Old.LocationAt(key)
		to, ok := c.Old.Resolve(g, p.Backend)
		counts = counts || ok && l != nil && l.Action.Canary != nil && l.Action.Canary.Backend == to
	})
	return counts
}

func (c *explainer) explainBackend(g *ingress.Ingress, short, name string) bool {
	switch short {
	case "backend-protocol":
		c.explainProtocol(g, name)
	case "ssl-passthrough":
		c.explainPassthrough(g, name)
	case "upstream-vhost":
		if !newside.HostnamePattern().MatchString(strings.ToLower(g.Settings.Text(short))) {
			f := c.Report.Annotation(g, name, finding.Lost, finding.Breaks, "URLRewrite takes a hostname only")
			f.Accepted = c.Options.Accepts(short)
			return true
		}
		c.Report.Annotation(g, name, finding.Converted, "", "URLRewrite hostname %s", g.Settings.Text(short))
	default:
		if !strings.HasPrefix(short, "proxy-ssl-") {
			return false
		}
		c.explainBackendTLS(g, short, name)
	}
	return true
}

func (c *explainer) explainProtocol(g *ingress.Ingress, name string) {
	value := strings.ToUpper(g.Settings.Text("backend-protocol"))
	switch value {
	case "HTTP", "AUTO_HTTP":
		c.Report.Annotation(g, name, finding.Converted, "", "routes speak HTTP to backends")
	case "HTTPS":
		if _, ok := newside.VerifiesBackends(g); ok {
			c.Report.Annotation(g, name, finding.Converted, "", "BackendTLSPolicy for the Services")
			return
		}
		c.Report.Annotation(g, name, finding.Approximated, finding.Differs, "state appProtocol: https on the port of the Service, or write a BackendTLSPolicy, which verifies the backend; the controller does not by default")
	case "GRPC", "GRPCS":
		grpc := len(c.hostsOf(g)) > 0
		for _, h := range c.hostsOf(g) {
			grpc = grpc && c.WritesGRPC(g, h)
		}
		if grpc {
			c.Report.Annotation(g, name, finding.Converted, "", "GRPCRoute")
			return
		}
		c.Report.Annotation(g, name, finding.Approximated, finding.Breaks, "HTTPRoute, because a path is not that of a gRPC service or needs what GRPCRoute does not have: state appProtocol: kubernetes.io/h2c on the port of the Service")
	default:
		c.Report.Annotation(g, name, finding.Lost, finding.Breaks, "Gateway API does not speak FastCGI: put a web server in front of the program")
	}
}

func (c *explainer) explainHeaders(g *ingress.Ingress, short, name string) bool {
	s := g.Settings
	switch {
	case short == "x-forwarded-prefix":
		if !c.changesPath(g) {
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "it counts together with rewrite-target only")
			return true
		}
		c.Report.Annotation(g, name, finding.Converted, "", "RequestHeaderModifier sets X-Forwarded-Prefix")
	case short == "custom-headers":
		if len(c.Old.CustomHeaders(g)) == 0 {
			c.Report.Annotation(g, name, finding.Lost, finding.Differs, "ConfigMap %s is not in the input, or is empty: give it", s.Text(short))
			return true
		}
		c.Report.Annotation(g, name, finding.Converted, "", "ResponseHeaderModifier sets %s", headerNames(c.Old.CustomHeaders(g)))
	case strings.HasPrefix(short, "cors-") || short == "enable-cors":
		switch {
		case short == "enable-cors" && !s.Bool(short):
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "it is off, as without it")
		case !s.Bool("enable-cors"):
			c.Report.Annotation(g, name, finding.NoEffect, finding.None, "enable-cors is not stated")
		default:
			c.Report.Annotation(g, name, finding.Converted, "", "the CORS filter")
		}
	case short == "mirror-target":
		if _, ok := oldside.Mirror(s); !ok {
			c.Report.Annotation(g, name, finding.Lost, finding.None, "RequestMirror takes a Service of the namespace only")
			return true
		}
		c.Report.Annotation(g, name, finding.Approximated, finding.None, "RequestMirror; the copy has the path of the request")
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
func canaryTotal(s *ingress.Settings) int {
	if n, ok := s.Int("canary-weight-total"); ok && n > 100 {
		return n
	}
	return 100
}
