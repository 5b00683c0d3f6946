package migrate

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/routing"
)

// action is what a controller does at one location of an Ingress.
func (o *Old) action(g *ingress, key locationKey, w *owner) *routing.Action {
	a := &routing.Action{}
	if to, ok := o.resolve(g, w.backend); ok {
		a.Backend = &to
	} else {
		a.Status = 404
		if w.backend != nil {
			w.unresolved = true
			a.Unknown = "the port of Service " + g.namespace + "/" + w.backend.service + " is not in the input"
		}
	}
	if !o.controller.nginx {
		a.HTTPS, a.KeepSlash = o.othersToHTTPS(g, key, a.Backend), true
		return a
	}
	s := g.set
	if s.denied {
		a.Status = 503
	}
	a.AppRoot = s.text("app-root")
	o.redirect(s, a)
	if o.toHTTPS(g, key) {
		a.HTTPS = o.redirectCode()
		a.KeepSlash = s.boolOr("preserve-trailing-slash", o.config.value("preserve-trailing-slash") == "true")
	}
	if rewrite := s.text("rewrite-target"); rewrite != key.path {
		a.Rewrite = rewrite
	}
	a.Host = s.text("upstream-vhost")
	if prefix := s.text("x-forwarded-prefix"); prefix != "" && a.Rewrite != "" {
		a.Request = append(a.Request, routing.Header{Name: "X-Forwarded-Prefix", Value: prefix})
	}
	a.Response = o.customHeaders(g)
	if o.options.HSTS == HSTSKeep && o.config.value("hsts") == "true" {
		a.HSTS = o.hsts()
	}
	if s.bool("enable-cors") {
		a.CORS = corsText(corsOf(s))
	}
	if to, ok := mirrorOf(s); ok {
		a.Mirrors = []string{g.namespace + "/" + to.service}
	}
	return a
}

// redirect reads temporal-redirect and permanent-redirect, in this order (M32).
func (o *Old) redirect(s *settings, a *routing.Action) {
	to, code, name := s.text("temporal-redirect"), 302, "temporal-redirect-code"
	if to == "" {
		to, code, name = s.text("permanent-redirect"), 301, "permanent-redirect-code"
	}
	if to == "" {
		return
	}
	if n, ok := s.int(name); ok && n >= 300 && n <= 308 {
		code = n
	}
	a.Redirect, a.Code = to, code
	if before, ok := strings.CutSuffix(to, "$request_uri"); ok {
		a.Redirect, a.KeepPath = before, true
		return
	}
	if u, err := url.Parse(to); err == nil && u.Path == "" && u.RawQuery == "" && u.Fragment == "" {
		a.Redirect = to + "/" // what a client makes of it
	}
}

// toHTTPS says whether http is redirected at a location (M20).
func (o *Old) toHTTPS(g *ingress, key locationKey) bool {
	if o.excepted(key.path) {
		return false
	}
	if g.set.boolOr("force-ssl-redirect", o.config.value("force-ssl-redirect") == "true") {
		return true
	}
	return g.set.boolOr("ssl-redirect", o.config.value("ssl-redirect") == "true") && o.listsTLS(key.host)
}

// listsTLS says whether a tls entry lists a host, or the wildcard above it.
func (o *Old) listsTLS(host string) bool {
	wildcard := ""
	if _, rest, ok := strings.Cut(host, "."); ok {
		wildcard = "*." + rest
	}
	for _, g := range o.listing[host] {
		for _, t := range g.tls {
			for _, h := range t.hosts {
				if h == host || h == wildcard {
					return true
				}
			}
		}
	}
	return false
}

// resolve is the port of a Service; false when it cannot be told (M29).
func (o *Old) resolve(g *ingress, b *backendRef) (routing.Backend, bool) {
	if b == nil {
		return routing.Backend{}, false
	}
	to := routing.Backend{Namespace: g.namespace, Name: b.service, Port: b.port}
	if b.named == "" {
		return to, to.Port > 0
	}
	service := o.services[g.namespace+"/"+b.service]
	if service == nil {
		return to, false
	}
	spec, _ := service.Object["spec"].(map[string]any)
	ports, _ := spec["ports"].([]any)
	for _, p := range ports {
		if port, ok := p.(map[string]any); ok && port["name"] == b.named {
			to.Port = number(port["port"])
			return to, to.Port > 0
		}
	}
	return to, false
}

// customHeaders are the headers of the ConfigMap that custom-headers names.
func (o *Old) customHeaders(g *ingress) []routing.Header {
	name := g.set.text("custom-headers")
	if name == "" {
		return nil
	}
	if !strings.Contains(name, "/") {
		name = g.namespace + "/" + name
	}
	var list []routing.Header
	for i := range o.objects {
		m := &o.objects[i]
		if m.GetKind() != "ConfigMap" || placeOf(m) != name {
			continue
		}
		data, _ := m.Object["data"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(data)) {
			if value, ok := data[key].(string); ok {
				list = append(list, routing.Header{Name: key, Value: value})
			}
		}
	}
	return list
}

func (o *Old) hsts() string {
	text := "max-age=" + o.config.value("hsts-max-age")
	if o.config.value("hsts-include-subdomains") == "true" {
		text += "; includeSubDomains"
	}
	if o.config.value("hsts-preload") == "true" {
		text += "; preload"
	}
	return text
}

// mirrorOf is the Service that requests are mirrored to, when mirror-target names
// one (M33).
func mirrorOf(s *settings) (backendRef, bool) {
	text := s.text("mirror-target")
	if text == "" {
		return backendRef{}, false
	}
	u, err := url.Parse(strings.ReplaceAll(text, "$request_uri", ""))
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return backendRef{}, false
	}
	name, rest, _ := strings.Cut(u.Hostname(), ".")
	if rest != "" && !strings.HasSuffix(rest, "svc.cluster.local") && !strings.HasSuffix(rest, ".svc") {
		return backendRef{}, false
	}
	port := 80
	if u.Scheme == "https" {
		port = 443
	}
	if n, err := strconv.Atoi(u.Port()); err == nil {
		port = n
	}
	return backendRef{service: name, port: int32(min(max(port, 1), 65535))}, rest == ""
}
