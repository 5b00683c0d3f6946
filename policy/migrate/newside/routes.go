package newside

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// variant are the rules of one Ingress for hosts on which they come out equal, and
// on the listeners of some schemes.
type variant struct {
	redirect bool
	schemes  []string
	hosts    []string
	rules    []*rule
	grpc     bool
	held     bool
}

// writeRoutes writes the routes of one Ingress (M22).
func (c *Side) writeRoutes(g *ingress.Ingress) {
	c.routes[g] = &ofIngress{}
	hosts := g.Hosts()
	if len(g.Rules) == 0 {
		hosts = []string{routing.CatchAll}
	}
	var variants []*variant
	at := map[string]*variant{}
	for _, host := range hosts {
		h := c.Hosts[host]
		if h == nil {
			continue
		}
		for _, v := range c.variantsOf(g, h) {
			key := v.key(host)
			if at[key] == nil {
				at[key] = v
				variants = append(variants, v)
			}
			at[key].hosts = append(at[key].hosts, host)
		}
	}
	counts := map[string]int{}
	for _, v := range variants {
		for _, hosts := range hostGroups(c.hostnames(v.hosts)) {
			for _, rules := range split(join(v.rules)) {
				c.writeRoute(g, v, hosts, rules, counts)
			}
		}
	}
}

// key is equal for what can be one route.
func (v *variant) key(host string) string {
	var rules []any
	for _, r := range v.rules {
		rules = append(rules, r.match(), r.action())
	}
	text, _ := json.Marshal([]any{v.redirect, v.schemes, rules, v.grpc, v.held, host == routing.CatchAll})
	return string(text)
}

// variantsOf are the rules of an Ingress on one host, by the listeners that they
// are for.
func (c *Side) variantsOf(g *ingress.Ingress, h *HostRules) []*variant {
	parents := c.parents(g.Namespace, h.Host)
	if len(parents) == 0 {
		c.unbound(g, h.Host)
		return nil
	}
	if !has(parents, "https") && slices.ContainsFunc(h.rules[g], func(r *rule) bool { return r.redirects }) {
		c.leadsNowhere(g, h.Host)
	}
	var list []*variant
	for _, held := range []bool{false, true} {
		var main, plain, redirects []*rule
		for _, r := range h.rules[g] {
			switch {
			case r.held != held:
			case r.redirects:
				redirects = append(redirects, r)
			default:
				main = append(main, r)
				if r.always || r.location.Action.HTTPS == 0 {
					plain = append(plain, r)
				}
			}
		}
		redirects = c.gathered(h, redirects)
		if held {
			c.RulesHeld += len(main)
		}
		list = append(list, c.byScheme(g, h, parents, held, main, plain, redirects)...)
	}
	return list
}

// byScheme spreads rules over routes for both schemes, or for one.
func (c *Side) byScheme(g *ingress.Ingress, h *HostRules, parents []parentRef, held bool, main, plain, redirects []*rule) []*variant {
	var list []*variant
	add := func(redirect bool, rules []*rule, schemes ...string) {
		schemes = slices.DeleteFunc(schemes, func(s string) bool { return !has(parents, s) })
		if len(rules) > 0 && len(schemes) > 0 {
			rules = slices.Clone(rules)
			slices.SortStableFunc(rules, compareRules)
			list = append(list, &variant{redirect: redirect, schemes: schemes, rules: rules, held: held, grpc: !redirect && c.WritesGRPC(g, h)})
		}
	}
	https := main
	if c.Options.HSTS == option.HSTSKeep {
		https = withHSTS(main)
	}
	if len(redirects) == 0 && len(plain) == len(main) && c.Options.HSTS != option.HSTSKeep {
		add(false, main, "http", "https")
		return list
	}
	add(false, https, "https")
	if len(redirects) > 0 && !slices.ContainsFunc(plain, func(r *rule) bool { return !r.always }) {
		add(true, append(redirects, plain...), "http")
		return list
	}
	add(false, plain, "http")
	add(true, redirects, "http")
	return list
}

// withHSTS are copies of rules with the header Strict-Transport-Security (M33).
func withHSTS(rules []*rule) []*rule {
	var list []*rule
	for _, r := range rules {
		if value := r.location.Action.HSTS; value != "" && len(r.backends) > 0 {
			copied := *r
			headers := append(slices.Clone(r.location.Action.Response), routing.Header{Name: "Strict-Transport-Security", Value: value})
			copied.filters = slices.DeleteFunc(slices.Clone(r.filters), func(f any) bool {
				filter, _ := f.(map[string]any)
				return filter["type"] == "ResponseHeaderModifier"
			})
			copied.filters = append([]any{map[string]any{
				"type": "ResponseHeaderModifier", "responseHeaderModifier": map[string]any{"set": headerList(headers)},
			}}, copied.filters...)
			r = &copied
		}
		list = append(list, r)
	}
	return list
}

// gathered are the redirects to https of one Ingress: one rule for the whole host
// where every location of it redirects with the same code.
func (c *Side) gathered(h *HostRules, redirects []*rule) []*rule {
	s := c.Old.View.Server(h.Host)
	code := s.Locations[0].Action.HTTPS
	for _, l := range s.Locations {
		if h.hidden[l] != nil {
			continue
		}
		if l.Action.HTTPS != code || l.Action.Redirect != "" || c.isHeld(c.Old.Owners[l].Ingress, l, h) || !c.Old.Owners[l].Ingress.Chosen {
			return redirects
		}
	}
	for _, r := range redirects {
		if l := r.location; l.Path == "/" && !l.Exact {
			root := *r
			root.regex, root.path, root.exact = false, "/", false
			return []*rule{&root}
		}
	}
	for _, l := range s.Locations { // somebody else's rule for "/" covers these
		rules := h.rules[c.Old.Owners[l].Ingress]
		if l.Path == "/" && !l.Exact && slices.ContainsFunc(rules, func(r *rule) bool { return r.redirects && r.location == l }) {
			return nil
		}
	}
	return redirects
}

// hostnames are the names that hosts are asked for by, aliases included; nil for
// every host.
func (c *Side) hostnames(hosts []string) []string {
	var list []string
	for _, h := range hosts {
		if h == routing.CatchAll {
			return nil
		}
		list = append(list, h)
		list = append(list, c.Old.View.AliasesOf(h)...)
	}
	return list
}

// hostGroups cuts hostnames into as many as a route can have.
func hostGroups(hosts []string) [][]string {
	if len(hosts) == 0 {
		return [][]string{nil}
	}
	return slices.Collect(slices.Chunk(hosts, mostHostnames))
}

func (c *Side) writeRoute(g *ingress.Ingress, v *variant, hosts []string, rules []written, counts map[string]int) {
	base, kind := g.Name, "HTTPRoute"
	if v.redirect {
		base += "-https-redirect"
	}
	if v.grpc {
		kind = "GRPCRoute"
	}
	name := c.Names.Free(kind, g.Namespace, document.Numbered(base, counts[base]))
	counts[base]++
	uniform := sameWants(rules)
	named := nameRules(rules, uniform)
	spec := map[string]any{"parentRefs": c.parentRefs(g.Namespace, v.schemes, hosts), "rules": ruleList(rules, v.grpc)}
	if len(hosts) > 0 {
		var names []any
		for _, h := range hosts {
			names = append(names, h)
		}
		spec["hostnames"] = names
	}
	u := document.New(document.GatewayAPI, kind, g.Namespace, name, g.Labels, g.Marks(), spec)
	if v.held {
		c.Held = append(c.Held, u)
		c.routes[g].held = true
		if shut := c.shut(v, rules); len(shut) > 0 {
			spec = maps.Clone(spec)
			spec["rules"] = ruleList(shut, v.grpc)
			c.Objects = append(c.Objects, document.New(document.GatewayAPI, kind, g.Namespace, name, g.Labels, g.Marks(), spec))
			c.sayShut(g, kind, name, shut)
		}
		return
	}
	c.Objects = append(c.Objects, u)
	if !v.redirect && slices.ContainsFunc(rules, func(w written) bool { return len(w.rule.backends) > 0 }) {
		c.routes[g].names = append(c.routes[g].names, name)
		c.routes[g].kinds = append(c.routes[g].kinds, kind)
		c.routes[g].wantAll(name, rules, uniform)
		for rule, own := range named {
			if own == nil {
				own = c.Old.IdempotentWants(g)
			}
			c.routes[g].want(name, rule, own)
		}
	}
}

// parentRefs name the listeners (M35). Where a route takes every listener that it
// would be bound to anyway, the Gateway alone says it.
func (c *Side) parentRefs(namespace string, schemes, hosts []string) []any {
	if len(hosts) == 0 {
		hosts = []string{routing.CatchAll}
	}
	var refs []parentRef
	all := true
	for _, host := range hosts {
		for _, p := range c.parents(namespace, host) {
			if !slices.Contains(schemes, p.scheme) {
				all = false
				continue
			}
			if !slices.Contains(refs, p) {
				refs = append(refs, p)
			}
		}
	}
	if c.gateway.graph != nil && all {
		for i := range refs {
			refs[i].listener, refs[i].scheme = "", ""
		}
		refs = slices.Compact(refs)
	}
	var list []any
	for _, p := range refs {
		ref := map[string]any{"name": p.name.Name}
		if p.name.Namespace != namespace {
			ref["namespace"] = p.name.Namespace
		}
		if p.listener != "" {
			ref["sectionName"] = p.listener
		}
		if p.kind != "Gateway" {
			ref["group"], ref["kind"] = hierarchy.Group, p.kind
		}
		list = append(list, ref)
	}
	return list
}

// ruleList are rules as the API has them.
func ruleList(rules []written, grpc bool) []any {
	var list []any
	for _, w := range rules {
		r := map[string]any{}
		if w.rule.name != "" {
			r["name"] = w.rule.name
		}
		if grpc {
			if m := grpcMatch(w.rule.path); m != nil {
				r["matches"] = []any{m}
			}
		} else {
			r["matches"] = w.matches
		}
		if len(w.rule.filters) > 0 {
			r["filters"] = w.rule.filters
		}
		if len(w.rule.backends) > 0 {
			r["backendRefs"] = w.rule.backends
		}
		list = append(list, r)
	}
	return list
}

// grpcMatch is the match of a service or a method; nil for every call.
func grpcMatch(path string) map[string]any {
	service, method, _ := strings.Cut(strings.Trim(path, "/"), "/")
	if service == "" {
		return nil
	}
	m := map[string]any{"type": "Exact", "service": service}
	if method != "" {
		m["method"] = method
	}
	return map[string]any{"method": m}
}

// WritesGRPC says whether the routes of an Ingress on a host are GRPCRoutes: its backends
// speak gRPC, every path of the host is one of a service, and nothing needs a filter
// that GRPCRoute has not (M34).
func (c *Side) WritesGRPC(g *ingress.Ingress, h *HostRules) bool {
	for _, l := range c.Old.View.Server(h.Host).Locations {
		w := c.Old.Owners[l].Ingress
		if l.Default && l.Action.Backend == nil {
			continue
		}
		parts := strings.Split(strings.Trim(l.Path, "/"), "/")
		if !oldside.SpeaksGRPC(w.Settings) || h.Regex || h.Plain != nil || len(parts) > 2 || l.Path != "/" && !strings.Contains(parts[0], ".") ||
			l.Action.Redirect != "" || l.Action.AppRoot != "" || l.Action.Host != "" || l.Action.CORS != "" || l.Action.Canary != nil {
			return false
		}
	}
	return oldside.SpeaksGRPC(g.Settings)
}

// unbound says that no listener takes the routes of a host (M35).
func (c *Side) unbound(g *ingress.Ingress, host string) {
	f := c.Report.About(g, finding.Unbound, "%s: no listener of Gateway %s takes a route of namespace %s for it: add one with this hostname that allows the namespace",
		routing.HostText(host), c.gateway.name, g.Namespace)
	f.Host, f.Effect = host, finding.Breaks
}

// leadsNowhere says that http is redirected to https, which no listener takes (M37).
func (c *Side) leadsNowhere(g *ingress.Ingress, host string) {
	f := c.Report.About(g, finding.Unbound, "%s: http is redirected to https, and no listener takes that for the host: name a Secret in tls, or one for every host by --default-tls",
		routing.HostText(host))
	f.Effect = finding.Breaks // without Host: no request is made that it would announce
}

// writeNames writes the routes of the other names of hosts (M32).
func (c *Side) writeNames() {
	for _, host := range c.HostOrder() {
		other, code, ok := c.Old.View.MovedTo(host)
		g := c.mover(host)
		if !ok || g == nil || !g.Chosen {
			continue
		}
		schemes := []string{"http", "https"}
		refs := c.parentRefs(g.Namespace, schemes, []string{other})
		if len(refs) == 0 {
			continue
		}
		name := c.Names.Free("HTTPRoute", g.Namespace, g.Name+"-"+strings.ReplaceAll(other, "*", "wildcard"))
		c.Objects = append(c.Objects, document.New(document.GatewayAPI, "HTTPRoute", g.Namespace, name, g.Labels, g.Marks(), map[string]any{
			"parentRefs": refs, "hostnames": []any{other},
			"rules": []any{map[string]any{"filters": []any{redirectFilter(map[string]any{"hostname": host, "statusCode": int64(routing.RedirectCode(code))})}}},
		}))
	}
}

// mover is the Ingress that states from-to-www-redirect for a host.
func (c *Side) mover(host string) *ingress.Ingress {
	for _, g := range c.Old.ByHost[host] {
		if g.Settings.Bool("from-to-www-redirect") {
			return g
		}
	}
	return nil
}
