package migrate

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// shut are the matches of a held route that a wider route would take: the requests would reach
// backends without what held the route. A rule without backends takes them instead, and answers with
// an error (M40).
func (c *converter) shut(v *variant, rules []written) []written {
	var list []written
	for _, w := range rules {
		taken := slices.DeleteFunc(slices.Clone(w.matches), func(m any) bool { return !c.taken(v.hosts, m) })
		if len(taken) > 0 {
			list = append(list, written{rule: &rule{path: w.rule.path}, matches: taken})
		}
	}
	return list
}

// taken says whether a rule that is written takes requests of a match, on one of some hosts.
func (c *converter) taken(hosts []string, match any) bool {
	m, _ := match.(map[string]any)
	path, _ := m["path"].(map[string]any)
	kind, _ := path["type"].(string)
	value, _ := path["value"].(string)
	for _, host := range hosts {
		for _, wide := range widerHosts(host) {
			h := c.hosts[wide]
			if h == nil {
				continue
			}
			for g, rules := range h.rules {
				if g.chosen && slices.ContainsFunc(rules, func(r *rule) bool { return !r.held && len(r.backends) > 0 && r.takes(kind, value) }) {
					return true
				}
			}
		}
	}
	return false
}

// widerHosts are a host and those that take its requests when it has no route of its own.
func widerHosts(host string) []string {
	list := []string{host}
	for i := range host {
		if wide := "*" + host[i:]; host[i] == '.' && wide != host {
			list = append(list, wide)
		}
	}
	return append(list, routing.CatchAll)
}

// takes says whether a rule takes requests of a match of a path. Of expressions it is not known.
func (r *rule) takes(kind, path string) bool {
	switch {
	case r.regex:
		return true
	case r.exact:
		return kind == "Exact" && r.path == path
	case kind == "RegularExpression":
		return true
	}
	return r.path == "/" || path == r.path || strings.HasPrefix(path, r.path+"/")
}

// sayShut tells of a route that keeps requests from others.
func (c *converter) sayShut(g *ingress, kind, name string, list []written) {
	var paths []string
	for _, w := range list {
		for _, m := range w.matches {
			match, _ := m.(map[string]any)
			path, _ := match["path"].(map[string]any)
			value, _ := path["value"].(string)
			paths = append(paths, value)
		}
	}
	slices.Sort(paths)
	c.report.about(g, Advice, "%s %s/%s answers %s with an error: a wider route would serve these requests without what is lost; the held route has the same name and replaces it",
		kind, g.namespace, name, prose.List(slices.Compact(paths), 5))
}
