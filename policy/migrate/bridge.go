package migrate

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// bridged are the hosts that are served by Ingresses which are not written, too, by
// the first Ingress of each that is (M5).
func (c *converter) bridged() map[*ingress][]string {
	by := map[*ingress][]string{}
	if c.options.Bridge.Name == "" {
		return by
	}
	for _, host := range c.hostOrder() {
		if g := c.firstChosen(host); g != nil && slices.ContainsFunc(c.old.listing[host], func(o *ingress) bool { return !o.chosen }) {
			by[g] = append(by[g], host)
		}
	}
	return by
}

// writeBridges writes a route for each incomplete host that leads what the other
// Ingresses serve to the old controller (M5). It is a route of its own, so that the
// policies of the Ingress are not for the requests of others.
func (c *converter) writeBridges() {
	by := c.bridged()
	to := c.options.Bridge
	for _, g := range c.old.ingresses {
		n := 0
		for _, host := range by[g] {
			parents := c.parents(g.namespace, host)
			if len(parents) == 0 {
				continue // unbound is said
			}
			backends := []any{backendTo(routing.Backend{Namespace: to.Namespace, Name: to.Name, Port: to.Port}, g.namespace)}
			c.grant(g.namespace, to.Namespace, to.Name)
			for _, rules := range split(join(c.bridgeRules(c.hosts[host], backends))) {
				name := c.existing.free("HTTPRoute", g.namespace, numbered(g.name+"-bridge", n))
				n++
				spec := map[string]any{"parentRefs": c.parentRefs(g.namespace, []string{"http", "https"}, []string{host}), "rules": ruleList(rules, false)}
				if names := c.hostnames([]string{host}); len(names) > 0 {
					var list []any
					for _, h := range names {
						list = append(list, h)
					}
					spec["hostnames"] = list
				}
				c.objects = append(c.objects, object(gatewayAPI, "HTTPRoute", g.namespace, name, g.labels, g.marks(), spec))
				c.bridges = append(c.bridges, c.bridgeWants(g, host, name))
			}
		}
	}
}

// bridgeRules are the matches of what the other Ingresses of a host serve, where rules
// that are written would take it, and "/" for the rest.
func (c *converter) bridgeRules(h *hostRules, backends []any) []*rule {
	var ours, theirs []*rule
	for g, rules := range h.rules {
		for _, r := range rules {
			if g.chosen && !r.held && !r.redirects {
				ours = append(ours, r)
			}
		}
	}
	for _, l := range c.old.view.Server(h.host).Locations {
		if h.hidden[l] != nil {
			continue
		}
		for _, r := range c.matchesOf(h, l) {
			r.filters, r.alone = nil, false
			if !c.old.owners[l].ingress.chosen && (r.regex || isMatchPath(r.path)) {
				theirs = append(theirs, r)
			}
			if bare := strings.TrimSuffix(l.Path, "/"); !r.regex && h.plain == nil && bare != l.Path && bare != "" && !c.old.owners[l].ingress.chosen &&
				c.old.view.Server(h.host).Choose(bare).Slash {
				theirs = append(theirs, &rule{exact: true, path: bare}) // M17
			}
		}
	}
	taken := func(r *rule) bool {
		return slices.ContainsFunc(ours, func(o *rule) bool { return o.regex || r.regex || !o.exact && routing.Covers(o.path, r.path) })
	}
	root := &rule{location: &routing.Location{Host: h.host, Path: "/", Action: &routing.Action{}}, path: "/", backends: backends}
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

// bridgeWants is what holds on a bridge: the old controller limits and repeats itself,
// so nothing is repeated here, and the longest of its times holds.
func (c *converter) bridgeWants(g *ingress, host, name string) routeWants {
	longest, _ := c.old.idle(&settings{})
	for _, o := range c.old.listing[host] {
		if n, ok := c.old.idle(o.set); ok && !o.chosen {
			longest = max(longest, n)
		}
	}
	w := wants{}
	w.set(RetryPolicy, "maxRetries", int64(0))
	w.set(TimeoutPolicy, "request", "0s")
	if text, ok := seconds(longest); ok {
		w.set(TimeoutPolicy, c.options.idleField(), text)
	}
	return routeWants{ref: hierarchy.NewRef(hierarchy.Group, "HTTPRoute", g.namespace, name), ingress: &ingress{namespace: g.namespace, name: name}, wants: w, forwards: true}
}

// hasBridges says whether some route leads to the old controller.
func (c *converter) hasBridges() bool { return len(c.bridges) > 0 }
