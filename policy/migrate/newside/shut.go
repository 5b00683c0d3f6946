package newside

import (
	"slices"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// shut are the matches of a held route that a wider route would take: the requests would reach
// backends without what held the route. A rule without backends takes them instead, and answers with
// an error (M40).
func (c *Side) shut(v *variant, rules []written) []written {
	var list []written
	for _, w := range rules {
		closed := written{rule: &rule{path: w.rule.path}}
		for _, r := range w.rules {
			if slices.ContainsFunc(v.hosts, func(host string) bool { return c.taken(host, r) }) {
				closed.rules, closed.matches = append(closed.rules, r), append(closed.matches, r.match())
			}
		}
		if len(closed.rules) > 0 {
			list = append(list, closed)
		}
	}
	return list
}

// taken says whether a rule that is written takes requests of a held one. On the host itself, a more
// specific rule took these requests before; a rule of a wider host would take requests that it never
// had. If another Ingress writes the same redirect to a final /, that redirect answers (M17).
func (c *Side) taken(host string, held *rule) bool {
	here := c.Hosts[host]
	if held.exact && here.writes(func(r *rule) bool { return r.exact && r.path == held.path }) {
		return false
	}
	return here.writes(func(r *rule) bool { return len(r.backends) > 0 && r.takes(held) }) ||
		slices.ContainsFunc(c.hostsAbove(host), func(above string) bool {
			return above != host && c.Hosts[above].writes(func(r *rule) bool { return len(r.backends) > 0 && (r.takes(held) || held.takes(r)) })
		})
}

// writes says whether a rule of some kind is written for the host.
func (h *HostRules) writes(is func(*rule) bool) bool {
	if h == nil {
		return false
	}
	for g, rules := range h.rules {
		if g.Chosen && slices.ContainsFunc(rules, func(r *rule) bool { return !r.held && is(r) }) {
			return true
		}
	}
	return false
}

// takes says whether a rule takes the path of another one. Of expressions that is not known.
func (r *rule) takes(other *rule) bool {
	switch {
	case r.exact:
		return other.exact && r.path == other.path
	case r.regex, other.regex:
		return true
	}
	return routing.Covers(r.path, other.path)
}

// sayShut tells of a route that keeps requests from others.
func (c *Side) sayShut(g *ingress.Ingress, kind, name string, list []written) {
	var paths []string
	for _, w := range list {
		for _, r := range w.rules {
			paths = append(paths, r.path)
		}
	}
	slices.Sort(paths)
	c.Report.About(g, finding.Advice, "%s %s/%s answers %s with an error: a wider route would serve these requests without what is lost; the held route has the same name and replaces it",
		kind, g.Namespace, name, prose.List(slices.Compact(paths), 5))
}
