package controller

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
)

// IsOn reads a boolean as HAProxy's controllers do.
func IsOn(text string) bool {
	on, err := strconv.ParseBool(text)
	return err == nil && on || slices.Contains([]string{"on", "enabled", "yes"}, strings.ToLower(text))
}

// RedirectCode is a status code of a redirect, 302 when none is stated.
func RedirectCode(text string) int {
	if code, err := strconv.Atoi(text); err == nil && code >= 300 && code <= 308 {
		return code
	}
	return 302
}

// haproxyScheme is what becomes of the annotations of both controllers about http and https.
func haproxyScheme(s *ingress.Settings, short string) *Conversion {
	switch {
	case short == "ssl-redirect-code":
		return saying("it is the code of redirects to https")
	case IsOn(s.Text(short)):
		return saying("http is redirected to https where the host has a certificate")
	}
	return saying("http is answered, and not redirected to https")
}

// KongToHTTPS is the code of Kong's redirect: force-ssl-redirect, or https alone among
// the protocols, with a code that redirects. Without one Kong refuses http with 426.
func KongToHTTPS(s *ingress.Settings) int {
	code, stated := s.Int("https-redirect-status-code")
	redirects := slices.Contains([]int{301, 302, 307, 308}, code)
	switch {
	case s.Text("force-ssl-redirect") == "true" && !stated:
		return 302
	case redirects && (s.Text("force-ssl-redirect") == "true" || s.Text("protocols") == "https"):
		return code
	}
	return 0
}

// kongScheme is what becomes of Kong's annotations about http and https.
func kongScheme(s *ingress.Settings, short string) *Conversion {
	code := KongToHTTPS(s)
	switch {
	case short == "protocols" && s.Text(short) != "https", short == "force-ssl-redirect" && s.Text(short) != "true":
		return nil // the table says
	case code != 0 && short == "https-redirect-status-code":
		return saying("it is the code of the redirect to https")
	case code != 0:
		return saying("http is redirected to https with " + strconv.Itoa(code))
	case short == "https-redirect-status-code":
		return withoutEffect("nothing is redirected to https with it")
	}
	return notWritten(finding.Exposes, "Kong refuses http with 426 there, and a route answers it: bind the routes to listeners with TLS, then --accept "+short)
}

// ALBGroup is the group of an Ingress, or the Ingress itself when it states none.
func ALBGroup(g *ingress.Ingress) string { return cmp.Or(g.Settings.Text("group.name"), g.Place()) }

// ALBRedirecting are the groups in which some Ingress states ssl-redirect, which applies to
// the whole load balancer.
func ALBRedirecting(list []*ingress.Ingress) map[string]bool {
	groups := map[string]bool{}
	for _, g := range list {
		if g.Controller == ALB && g.Settings.Has("ssl-redirect") {
			groups[ALBGroup(g)] = true
		}
	}
	return groups
}
