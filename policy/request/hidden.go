package request

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// Hidden is a rule that no request reaches on a listener, because other rules take all requests
// that it matches (Q12).
type Hidden struct {
	Listener *hierarchy.Listener
	Rule     int
	// By are the rules that take its requests, the strongest first: one rule that takes all of them,
	// or several that each take those of some matches or hostnames.
	By []Hider
}

// Hider is a rule that takes the requests of a hidden rule.
type Hider struct {
	Route *hierarchy.Route
	Rule  int
}

// Hidden lists the rules of a route that no request reaches, by listener and rule. A rule is hidden
// if each of its matches is hidden, under each hostname, by a stronger match that takes the same
// requests or more. This also holds for data planes that continue with less specific hostnames.
// Cases in which regular expressions would have to be compared do not count.
func (x *Index) Hidden(route hierarchy.Ref) []Hidden {
	object, _ := x.graph.Get(route)
	mine, ok := object.(*hierarchy.Route)
	if !ok {
		return nil
	}
	var list []Hidden
	for _, l := range x.graph.BoundTo(route) {
		if l.Conflicted != "" {
			continue
		}
		entry := x.gateway(l.Gateway).listeners[l]
		for i := range mine.Rules {
			if by := entry.hides(mine, i); len(by) > 0 {
				list = append(list, Hidden{l, i, by})
			}
		}
	}
	return list
}

// hides returns what hides a rule; nothing unless the whole rule is hidden.
func (l *listener) hides(route *hierarchy.Route, rule int) []Hider {
	var found []*candidate
	for _, s := range l.sites {
		for j := range route.Rules[rule].Matches {
			c, by := l.hider(s, route, rule, j)
			if c == nil {
				continue
			}
			if by == nil {
				return nil
			}
			found = append(found, by)
		}
	}
	slices.SortFunc(found, order)
	var by []Hider
	for _, c := range found {
		if h := (Hider{c.route, c.rule}); !slices.Contains(by, h) {
			by = append(by, h)
		}
	}
	return by
}

func order(a, b *candidate) int {
	n, _ := compare(a, b)
	return n
}

// hider finds a match under a hostname, and what hides it there. Only a match with the same path
// can hide it: other matches that take as many requests are weaker.
func (l *listener) hider(s *site, route *hierarchy.Route, rule, match int) (found, by *candidate) {
	list := s.listOf(&route.Rules[rule].Matches[match])
	at := slices.IndexFunc(list, func(c *candidate) bool { return c.route == route && c.rule == rule && c.match == match })
	if at < 0 {
		return nil, nil
	}
	found = list[at]
	stronger := list[:at]
	if s.key == "" && l.Spec.Hostname != "" {
		// The same hosts under the listener's own name come first.
		if named := l.sites[hostKey(l.Spec.Hostname)]; named != nil {
			stronger = slices.Concat(named.listOf(found.conditions), stronger)
		}
	}
	for _, c := range stronger {
		if c.route == route && c.rule == rule {
			continue
		}
		a, b := asHTTP(found.conditions), asHTTP(c.conditions)
		if r := relate(&a, &b); r == Equal || r == Inside {
			return found, c
		}
	}
	return found, nil
}

// listOf returns the list that holds a match.
func (s *site) listOf(m *hierarchy.Match) []*candidate {
	switch {
	case m.PathType == "" && m.Service != "" && m.RPCType != hierarchy.MatchRegex:
		return s.services[m.Service]
	case m.PathType == "":
		return s.calls
	case m.PathType == hierarchy.MatchExact:
		return s.exact[m.Path]
	case m.PathType == hierarchy.MatchRegex:
		return s.regular
	}
	p := &s.prefixes
	for rest := elements(m.Path); rest != "" && p != nil; {
		var element string
		element, rest, _ = strings.Cut(rest, "/")
		p = p.below[element]
	}
	if p == nil {
		return nil
	}
	return p.here
}
