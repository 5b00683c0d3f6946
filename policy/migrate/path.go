package migrate

import "strings"

// readPath is a path as the controller reads it (M13): its text and whether it is Exact.
// ALB's ImplementationSpecific is a pattern: without a wildcard it is the whole path.
func (c *controller) readPath(p *ingressPath) (path string, exact bool) {
	path = p.path
	switch {
	case path == "":
		return "/", p.kind == "Exact"
	case c.name != ALB || p.kind == "Exact" || p.kind == "Prefix":
		return path, p.kind == "Exact"
	case path == "/*":
		return "/", false
	}
	return path, !strings.ContainsAny(path, "*?")
}

// patternOf says what a path is that no match stands for; empty when there is one.
func (c *controller) patternOf(p *ingressPath) string {
	specific := p.kind != "Exact" && p.kind != "Prefix"
	switch {
	case c.name == Kong && specific && strings.HasPrefix(p.path, "/~"):
		return "a path that begins with /~ is a regular expression of Kong's"
	case c.name == ALB && specific && p.path != "/*" && strings.ContainsAny(p.path, "*?"):
		return "a path with * or ? is a pattern of ALB's"
	}
	return ""
}
