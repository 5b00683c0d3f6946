package newside

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/routing"
	"github.com/attache-dev/attache/policy/migrate/statement"
)

// bridged are the hosts that are served by Ingresses which are not written, too, by
// the first Ingress of each that is (M5).
func (c *Side) bridged() map[*ingress.Ingress][]string {
	by := map[*ingress.Ingress][]string{}
	if c.Options.Bridge.Name == "" {
		return by
	}
	for _, host := range c.HostOrder() {
		if g := c.firstChosen(host); g != nil && slices.ContainsFunc(c.Old.ByHost[host], func(o *ingress.Ingress) bool { return !o.Chosen }) {
			by[g] = append(by[g], host)
		}
	}
	return by
}

// writeBridges writes a route for each incomplete host that leads what the other
// Ingresses serve to the old controller (M5). It is a route of its own, so that the
// policies of the Ingress are not for the requests of others.
func (c *Side) writeBridges() {
	by := c.bridged()
	to := c.Options.Bridge
	for _, g := range c.Old.Ingresses {
		n := 0
		for _, host := range by[g] {
			parents := c.parents(g.Namespace, host)
			if len(parents) == 0 {
				continue // unbound is said
			}
			backends := []any{backendTo(routing.Backend{Namespace: to.Namespace, Name: to.Name, Port: to.Port}, g.Namespace)}
			c.grant(g.Namespace, to.Namespace, to.Name)
			for _, rules := range split(join(c.bridgeRules(c.Hosts[host], backends))) {
				name := c.Names.Free("HTTPRoute", g.Namespace, document.Numbered(g.Name+"-bridge", n))
				n++
				spec := map[string]any{"parentRefs": c.parentRefs(g.Namespace, []string{"http", "https"}, []string{host}), "rules": ruleList(rules, false)}
				if names := c.hostnames([]string{host}); len(names) > 0 {
					var list []any
					for _, h := range names {
						list = append(list, h)
					}
					spec["hostnames"] = list
				}
				c.Objects = append(c.Objects, document.New(document.GatewayAPI, "HTTPRoute", g.Namespace, name, g.Labels, g.Marks(), spec))
				c.bridges = append(c.bridges, c.bridgeWants(g, host, name))
			}
		}
	}
}

// bridgeRules are the matches of what the other Ingresses of a host serve, where rules
// that are written would take it, and "/" for the rest.
func (c *Side) bridgeRules(h *HostRules, backends []any) []*rule {
	var ours, theirs []*rule
	for g, rules := range h.rules {
		for _, r := range rules {
			if g.Chosen && !r.held && !r.redirects {
				ours = append(ours, r)
			}
		}
	}
	for _, l := range c.Old.View.Server(h.Host).Locations {
		if h.hidden[l] != nil {
			continue
		}
		for _, r := range c.matchesOf(h, l) {
			r.filters, r.alone = nil, false
			if !c.Old.Owners[l].Ingress.Chosen && (r.regex || isMatchPath(r.path)) {
				theirs = append(theirs, r)
			}
			if bare := strings.TrimSuffix(l.Path, "/"); !r.regex && h.Plain == nil && bare != l.Path && bare != "" && !c.Old.Owners[l].Ingress.Chosen &&
				c.Old.View.Server(h.Host).Choose(bare).Slash {
				theirs = append(theirs, &rule{exact: true, path: bare}) // M17
			}
		}
	}
	taken := func(r *rule) bool {
		return slices.ContainsFunc(ours, func(o *rule) bool { return o.regex || r.regex || !o.exact && routing.Covers(o.path, r.path) })
	}
	root := &rule{location: &routing.Location{Host: h.Host, Path: "/", Action: &routing.Action{}}, path: "/", backends: backends}
	var list []*rule
	for _, r := range theirs {
		if taken(r) && !(r.path == "/" && !r.exact) {
			r.location, r.backends = root.location, backends
			list = append(list, r)
		}
	}
	if !slices.ContainsFunc(ours, func(o *rule) bool { return o.path == "/" && !o.exact && !o.regex }) {
		list = append(list, root)
	}
	slices.SortStableFunc(list, compareRules)
	return list
}

// bridgeWants are the fields for a bridge: the old controller limits and retries by itself,
// so nothing is retried here, and its longest timeout applies.
func (c *Side) bridgeWants(g *ingress.Ingress, host, name string) statement.Route {
	longest, _ := c.Old.Idle(&ingress.Settings{})
	for _, o := range c.Old.ByHost[host] {
		if n, ok := c.Old.Idle(o.Settings); ok && !o.Chosen {
			longest = max(longest, n)
		}
	}
	w := statement.Wants{}
	w.Set(statement.RetryPolicy, "maxRetries", int64(0))
	w.Set(statement.TimeoutPolicy, "request", "0s")
	if text, ok := statement.Seconds(longest); ok {
		w.Set(statement.TimeoutPolicy, c.Options.IdleField(), text)
	}
	return statement.Route{Ref: hierarchy.NewRef(hierarchy.Group, "HTTPRoute", g.Namespace, name), Ingress: &ingress.Ingress{Namespace: g.Namespace, Name: name}, Wants: w, Forwards: true}
}

// HasBridges says whether some route leads to the old controller.
func (c *Side) HasBridges() bool { return len(c.bridges) > 0 }
