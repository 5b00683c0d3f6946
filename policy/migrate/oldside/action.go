package oldside

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/document"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// action is what a controller does at one location of an Ingress.
func (o *Side) action(g *ingress.Ingress, key Key, w *Owner) *routing.Action {
	a := &routing.Action{}
	if to, ok := o.Resolve(g, w.Backend); ok {
		a.Backend = &to
	} else {
		a.Status = 404
		if w.Backend != nil {
			w.Unresolved = true
			a.Unknown = "the port of Service " + g.Namespace + "/" + w.Backend.Service + " is not in the input"
		}
	}
	if !o.Controller.Nginx {
		a.HTTPS, a.KeepSlash = o.othersToHTTPS(g, key, a.Backend), true
		return a
	}
	s := g.Settings
	if s.Denied {
		a.Status = 503
	}
	a.AppRoot = s.Text("app-root")
	o.redirect(s, a)
	if o.toHTTPS(g, key) {
		a.HTTPS = o.RedirectCode()
		a.KeepSlash = s.BoolOr("preserve-trailing-slash", o.Config.Value("preserve-trailing-slash") == "true")
	}
	if rewrite := s.Text("rewrite-target"); rewrite != key.Path {
		a.Rewrite = rewrite
	}
	a.Host = s.Text("upstream-vhost")
	if prefix := s.Text("x-forwarded-prefix"); prefix != "" && a.Rewrite != "" {
		a.Request = append(a.Request, routing.Header{Name: "X-Forwarded-Prefix", Value: prefix})
	}
	a.Response = o.CustomHeaders(g)
	if o.Options.HSTS == option.HSTSKeep && o.Config.Value("hsts") == "true" {
		a.HSTS = o.HSTS()
	}
	if s.Bool("enable-cors") {
		a.CORS = corsText(CORS(s))
	}
	if to, ok := Mirror(s); ok {
		a.Mirrors = []string{g.Namespace + "/" + to.Service}
	}
	return a
}

// redirect reads temporal-redirect and permanent-redirect, in this order (M32).
func (o *Side) redirect(s *ingress.Settings, a *routing.Action) {
	to, code, name := s.Text("temporal-redirect"), 302, "temporal-redirect-code"
	if to == "" {
		to, code, name = s.Text("permanent-redirect"), 301, "permanent-redirect-code"
	}
	if to == "" {
		return
	}
	if n, ok := s.Int(name); ok && n >= 300 && n <= 308 {
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
func (o *Side) toHTTPS(g *ingress.Ingress, key Key) bool {
	if o.excepted(key.Path) {
		return false
	}
	if g.Settings.BoolOr("force-ssl-redirect", o.Config.Value("force-ssl-redirect") == "true") {
		return true
	}
	return g.Settings.BoolOr("ssl-redirect", o.Config.Value("ssl-redirect") == "true") && o.listsTLS(key.Host)
}

// listsTLS says whether a tls entry lists a host, or the wildcard above it.
func (o *Side) listsTLS(host string) bool {
	wildcard := ""
	if _, rest, ok := strings.Cut(host, "."); ok {
		wildcard = "*." + rest
	}
	for _, g := range o.ByHost[host] {
		for _, t := range g.TLS {
			for _, h := range t.Hosts {
				if h == host || h == wildcard {
					return true
				}
			}
		}
	}
	return false
}

// Resolve is the port of a Service; false when it cannot be told (M29).
func (o *Side) Resolve(g *ingress.Ingress, b *ingress.Backend) (routing.Backend, bool) {
	if b == nil {
		return routing.Backend{}, false
	}
	to := routing.Backend{Namespace: g.Namespace, Name: b.Service, Port: b.Port}
	if b.Named == "" {
		return to, to.Port > 0
	}
	service := o.Services[g.Namespace+"/"+b.Service]
	if service == nil {
		return to, false
	}
	spec, _ := service.Object["spec"].(map[string]any)
	ports, _ := spec["ports"].([]any)
	for _, p := range ports {
		if port, ok := p.(map[string]any); ok && port["name"] == b.Named {
			to.Port = ingress.Port(port["port"])
			return to, to.Port > 0
		}
	}
	return to, false
}

// CustomHeaders are the headers of the ConfigMap that custom-headers names.
func (o *Side) CustomHeaders(g *ingress.Ingress) []routing.Header {
	name := g.Settings.Text("custom-headers")
	if name == "" {
		return nil
	}
	if !strings.Contains(name, "/") {
		name = g.Namespace + "/" + name
	}
	var list []routing.Header
	for i := range o.Objects {
		m := &o.Objects[i]
		if m.GetKind() != "ConfigMap" || document.PlaceOf(m) != name {
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

// HSTS is the value of the header Strict-Transport-Security.
func (o *Side) HSTS() string {
	text := "max-age=" + o.Config.Value("hsts-max-age")
	if o.Config.Value("hsts-include-subdomains") == "true" {
		text += "; includeSubDomains"
	}
	if o.Config.Value("hsts-preload") == "true" {
		text += "; preload"
	}
	return text
}

// Mirror is the Service that requests are mirrored to, when mirror-target names
// one (M33).
func Mirror(s *ingress.Settings) (ingress.Backend, bool) {
	text := s.Text("mirror-target")
	if text == "" {
		return ingress.Backend{}, false
	}
	u, err := url.Parse(strings.ReplaceAll(text, "$request_uri", ""))
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return ingress.Backend{}, false
	}
	name, rest, _ := strings.Cut(u.Hostname(), ".")
	if rest != "" && !strings.HasSuffix(rest, "svc.cluster.local") && !strings.HasSuffix(rest, ".svc") {
		return ingress.Backend{}, false
	}
	port := 80
	if u.Scheme == "https" {
		port = 443
	}
	if n, err := strconv.Atoi(u.Port()); err == nil {
		port = n
	}
	return ingress.Backend{Service: name, Port: int32(min(max(port, 1), 65535))}, rest == ""
}
