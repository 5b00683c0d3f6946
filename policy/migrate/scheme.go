package migrate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// isOn reads a boolean as HAProxy's controllers do.
func isOn(text string) bool {
	on, err := strconv.ParseBool(text)
	return err == nil && on || slices.Contains([]string{"on", "enabled", "yes"}, strings.ToLower(text))
}

// redirectCodeOf is a status code of a redirect, 302 when none is stated.
func redirectCodeOf(text string) int {
	if code, err := strconv.Atoi(text); err == nil && code >= 300 && code <= 308 {
		return code
	}
	return 302
}

// haproxyScheme is what the annotations of both controllers about http and https come to.
func haproxyScheme(s *settings, short string) *conversion {
	switch {
	case short == "ssl-redirect-code":
		return saying("it is the code of redirects to https")
	case isOn(s.text(short)):
		return saying("http is redirected to https where the host has a certificate")
	}
	return saying("http is answered, and not redirected to https")
}

// kongToHTTPS is the code of Kong's redirect: force-ssl-redirect, or https alone among
// the protocols, with a code that redirects. Without one Kong refuses http with 426.
func kongToHTTPS(s *settings) int {
	code, stated := s.int("https-redirect-status-code")
	redirects := slices.Contains([]int{301, 302, 307, 308}, code)
	switch {
	case s.text("force-ssl-redirect") == "true" && !stated:
		return 302
	case redirects && (s.text("force-ssl-redirect") == "true" || s.text("protocols") == "https"):
		return code
	}
	return 0
}

// kongScheme is what the annotations about http and https come to.
func kongScheme(s *settings, short string) *conversion {
	code := kongToHTTPS(s)
	switch {
	case short == "protocols" && s.text(short) != "https", short == "force-ssl-redirect" && s.text(short) != "true":
		return nil // the table says
	case code != 0 && short == "https-redirect-status-code":
		return saying("it is the code of the redirect to https")
	case code != 0:
		return saying("http is redirected to https with " + strconv.Itoa(code))
	case short == "https-redirect-status-code":
		return withoutEffect("nothing is redirected to https with it")
	}
	return notWritten(Exposes, "Kong refuses http with 426 there, and a route answers it: bind the routes to listeners with TLS, then --accept "+short)
}

// albGroup is the group of an Ingress, its own where it states none.
func albGroup(g *ingress) string { return cmp.Or(g.set.text("group.name"), g.place()) }

// albRedirecting are the groups in which some Ingress states ssl-redirect: it holds for
// the load balancer.
func albRedirecting(list []*ingress) map[string]bool {
	groups := map[string]bool{}
	for _, g := range list {
		if g.controller == ALB && g.set.has("ssl-redirect") {
			groups[albGroup(g)] = true
		}
	}
	return groups
}
