package request

import (
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// site contains what is bound under one hostname of a listener (Q11). Every list is sorted by
// precedence.
type site struct {
	// hostname is the intersection of the hostnames of routes and listener; empty means every host.
	hostname string
	// key is its key in hosts.
	key string

	exact    map[string][]*candidate
	regular  []*candidate
	prefixes prefix

	// services are candidates of GRPCRoutes with an exact service; calls are all others.
	services map[string][]*candidate
	calls    []*candidate
}

// prefix is a node of a trie of path elements.
type prefix struct {
	below map[string]*prefix
	here  []*candidate
}

func (s *site) add(c *candidate) {
	m := c.conditions
	switch {
	case c.rpc() && m.Service != "" && m.RPCType != hierarchy.MatchRegex:
		s.services = appendTo(s.services, m.Service, c)
	case c.rpc():
		s.calls = append(s.calls, c)
	case m.PathType == hierarchy.MatchExact:
		s.exact = appendTo(s.exact, m.Path, c)
	case m.PathType == hierarchy.MatchRegex:
		s.regular = append(s.regular, c)
	default:
		s.prefixes.add(elements(m.Path), c)
	}
}

func appendTo(lists map[string][]*candidate, key string, c *candidate) map[string][]*candidate {
	if lists == nil {
		lists = make(map[string][]*candidate)
	}
	lists[key] = append(lists[key], c)
	return lists
}

// elements returns the part of a PathPrefix that is compared: the path without its first and last
// "/" (Q5).
func elements(path string) string {
	return strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
}

func (p *prefix) add(rest string, c *candidate) {
	for rest != "" {
		var element string
		element, rest, _ = strings.Cut(rest, "/")
		next, ok := p.below[element]
		if !ok {
			next = &prefix{}
			if p.below == nil {
				p.below = make(map[string]*prefix)
			}
			p.below[element] = next
		}
		p = next
	}
	p.here = append(p.here, c)
}

// settle sorts every list.
func (s *site) settle() {
	for _, list := range s.exact {
		sorted(list)
	}
	for _, list := range s.services {
		sorted(list)
	}
	sorted(s.regular)
	sorted(s.calls)
	s.prefixes.settle()
}

func (p *prefix) settle() {
	sorted(p.here)
	for _, next := range p.below {
		next.settle()
	}
}

// each calls yield with the candidates that a request satisfies, the strongest first, until yield
// returns false. It reports whether all were visited.
func (s *site) each(r *Request, grpc bool, yield func(*candidate) bool) bool {
	if grpc {
		service, _ := r.call()
		if !fitting(s.services[service], r, yield) || !fitting(s.calls, r, yield) {
			return false
		}
	}
	if !fitting(s.exact[r.Path], r, yield) {
		return false
	}
	for _, c := range s.regular {
		if expression := c.expressions.path; expression != nil && expression.MatchString(r.Path) && c.fits(r) && !yield(c) {
			return false
		}
	}
	if !strings.HasPrefix(r.Path, "/") {
		return true
	}
	return s.prefixes.each(r.Path[1:], r, yield)
}

func fitting(list []*candidate, r *Request, yield func(*candidate) bool) bool {
	for _, c := range list {
		if c.fits(r) && !yield(c) {
			return false
		}
	}
	return true
}

// each visits the longest prefix first. rest is the part of the path below the node. The recursion
// is only as deep as the longest prefix, however long the path is.
func (p *prefix) each(rest string, r *Request, yield func(*candidate) bool) bool {
	if len(p.below) > 0 && rest != "" {
		element, after, _ := strings.Cut(rest, "/")
		if next, ok := p.below[element]; ok && !next.each(after, r, yield) {
			return false
		}
	}
	return fitting(p.here, r, yield)
}
