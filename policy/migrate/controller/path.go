package controller

import (
	"strings"

	"github.com/attache-dev/attache/policy/migrate/ingress"
)

// ReadPath is a path as the controller reads it (M13): its text and whether it is Exact.
// ALB's ImplementationSpecific is a pattern: without a wildcard it is the whole path.
func (c *Controller) ReadPath(p *ingress.Path) (path string, exact bool) {
	path = p.Path
	switch {
	case path == "":
		return "/", p.Kind == "Exact"
	case c.Name != ALB || p.Kind == "Exact" || p.Kind == "Prefix":
		return path, p.Kind == "Exact"
	case path == "/*":
		return "/", false
	}
	return path, !strings.ContainsAny(path, "*?")
}

// PatternOf says why a path has no equal among the matches of a route; empty when it has one.
func (c *Controller) PatternOf(p *ingress.Path) string {
	specific := p.Kind != "Exact" && p.Kind != "Prefix"
	switch {
	case c.Name == Kong && specific && strings.HasPrefix(p.Path, "/~"):
		return "a path that begins with /~ is a regular expression of Kong's"
	case c.Name == ALB && specific && p.Path != "/*" && strings.ContainsAny(p.Path, "*?"):
		return "a path with * or ? is a pattern of ALB's"
	}
	return ""
}
