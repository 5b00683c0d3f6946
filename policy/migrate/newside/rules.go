package newside

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/finding"
	"github.com/attache-dev/attache/policy/migrate/ingress"
	"github.com/attache-dev/attache/policy/migrate/oldside"
	"github.com/attache-dev/attache/policy/migrate/option"
	"github.com/attache-dev/attache/policy/migrate/routing"
)

// HostRules are the rules of one host, and what http does there besides.
type HostRules struct {
	Host string
	// rules are by Ingress.
	rules map[*ingress.Ingress][]*rule
	Plain *routing.PlainHost
	Regex bool
	// hidden are locations that are never reached.
	hidden map[*routing.Location]*routing.Location
}

// rulesOf makes the rules of a host (M22 to M32).
func (c *Side) rulesOf(s *routing.Server) *HostRules {
	h := &HostRules{Host: s.Host, rules: map[*ingress.Ingress][]*rule{}, hidden: map[*routing.Location]*routing.Location{}}
	if s.Regex {
		if c.Options.Regex == option.RegexAuto {
			h.Plain = s.PlainHost()
		}
		if h.Plain != nil {
			h.hidden = h.Plain.Hidden
		} else {
			h.Regex, h.hidden = true, repeated(s)
		}
	}
	for _, l := range s.Locations {
		if h.hidden[l] != nil {
			c.hiddenLocation(l, h.hidden[l])
			continue
		}
		w := c.Old.Owners[l]
		held := c.isHeld(w.Ingress, l, h)
		if w.Unresolved || w.Pattern != "" {
			c.unresolved(w, l)
			continue
		}
		if c.leavesCanary(l) {
			f := c.Report.About(w.Ingress, finding.CanarySpread, "%s %s: the canary of Service %s gets requests here, too; --canary=here leaves it out",
				routing.HostText(l.Host), routing.PathText(l.Path, l.Exact), l.Action.Backend.Name)
			f.Line, f.Host, f.Effect = w.Ingress.Object.LineOf(w.Field), l.Host, finding.Differs
		}
		for _, r := range c.locationRules(s, h, l) {
			if !r.regex && !isMatchPath(r.path) {
				c.unwritable(w, l)
				break
			}
			r.held = held
			h.rules[w.Ingress] = append(h.rules[w.Ingress], r)
		}
	}
	return h
}

func (c *Side) hiddenLocation(l, by *routing.Location) {
	w, first := c.Old.Owners[l], c.Old.Owners[by]
	if l.Default {
		return
	}
	f := c.Report.About(w.Ingress, finding.Shadowed, "%s %s: the longer expression %s of Ingress %s takes all its requests before it; nothing is written for it",
		routing.HostText(l.Host), l.Path, by.Path, first.Ingress.Place())
	f.Line, f.Host, f.Effect = w.Ingress.Object.LineOf(w.Field), l.Host, finding.None
}

func (c *Side) unresolved(w *oldside.Owner, l *routing.Location) {
	why := w.Pattern + ", and no rule is written: write the match"
	if w.Pattern == "" {
		why = fmt.Sprintf("the port %q of Service %s/%s cannot be told: give the Service in the input; no rule is written",
			w.Backend.Named, w.Ingress.Namespace, w.Backend.Service)
	}
	f := c.Report.About(w.Ingress, finding.Unresolved, "%s %s: %s", routing.HostText(l.Host), l.Path, why)
	f.Line, f.Host, f.Effect = w.Ingress.Object.LineOf(w.Field), l.Host, finding.Breaks
}

// isMatchPath says whether a match of HTTPRoute takes a path as Exact or PathPrefix.
func isMatchPath(path string) bool {
	if len(path) == 0 || len(path) > 1024 || path[0] != '/' || strings.Contains(path, "//") || strings.Contains(path, "%2f") || strings.Contains(path, "%2F") {
		return false
	}
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]) {
			continue
		}
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("-/._~!$&'()*+,;=:@", rune(c)) {
			return false
		}
	}
	return !strings.Contains(path+"/", "/./") && !strings.Contains(path+"/", "/../")
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

// unwritable says that a path has characters that no match takes.
func (c *Side) unwritable(w *oldside.Owner, l *routing.Location) {
	f := c.Report.About(w.Ingress, finding.Unresolved, "%s %s: the controller compares this path as text, and a match of HTTPRoute does not take it; no rule is written: "+
		"if a regular expression was meant, state use-regex", routing.HostText(l.Host), l.Path)
	f.Line, f.Host, f.Effect = w.Ingress.Object.LineOf(w.Field), l.Host, finding.Breaks
}

// locationRules are the rules of one location.
func (c *Side) locationRules(s *routing.Server, h *HostRules, l *routing.Location) []*rule {
	var list []*rule
	for _, m := range c.matchesOf(h, l) {
		list = append(list, c.actionRules(l, m, takesRoot(s, h, l))...)
	}
	if !s.Regex {
		if bare := strings.TrimSuffix(l.Path, "/"); bare != l.Path && bare != "" && s.Choose(bare).Slash && len(list) > 0 {
			list = append(list, &rule{location: l, exact: true, always: true, path: bare, filters: []any{redirectFilter(map[string]any{
				"path": fullPath(l.Path), "statusCode": int64(301),
			})}})
		}
	}
	return list
}

// takesRoot says whether requests for "/" reach a location.
func takesRoot(s *routing.Server, h *HostRules, l *routing.Location) bool {
	if h.Plain != nil {
		taker, _ := h.Plain.Choose("/")
		return taker == l
	}
	return s.Choose("/").Location == l
}

// matchesOf are the matches of a location, with the rewriting that goes with each.
func (c *Side) matchesOf(h *HostRules, l *routing.Location) []*rule {
	switch {
	case h.Plain != nil:
		var list []*rule
		for _, p := range h.Plain.Plain[l] {
			r := &rule{location: l, exact: p.Exact, path: p.Path}
			switch {
			case p.Full != "":
				r.filters = []any{rewriteFilter("ReplaceFullPath", p.Full)}
			case p.Prefix != "":
				r.filters, r.alone = []any{rewriteFilter("ReplacePrefixMatch", p.Prefix)}, true
			}
			list = append(list, r)
		}
		return list
	case h.Regex:
		r := &rule{location: l, regex: true, path: regexValue(l)}
		if t := l.Action.Rewrite; t != "" && !strings.Contains(t, "$") {
			r.filters = []any{rewriteFilter("ReplaceFullPath", t)}
		}
		return []*rule{r}
	case l.Exact:
		return []*rule{{location: l, exact: true, path: l.Path}}
	}
	return []*rule{{location: l, path: cmp.Or(strings.TrimSuffix(l.Path, "/"), "/")}}
}

// repeated are the locations whose expression another one has that is tried before.
func repeated(s *routing.Server) map[*routing.Location]*routing.Location {
	first, list := map[string]*routing.Location{}, map[*routing.Location]*routing.Location{}
	for _, l := range s.Tried() {
		if other := first[regexValue(l)]; other != nil {
			list[l] = other
		} else {
			first[regexValue(l)] = l
		}
	}
	return list
}

// regexValue is the expression that takes what nginx's takes (M28): nginx looks from
// the beginning only, data planes compare the whole path.
func regexValue(l *routing.Location) string {
	path := l.Path
	if strings.Contains(path, "|") && !grouped(path) {
		path = "(?:" + path + ")"
	}
	switch {
	case strings.HasSuffix(path, "$") && !strings.HasSuffix(path, `\$`):
		path = strings.TrimSuffix(path, "$")
	case !strings.HasSuffix(path, ".*"):
		path += ".*"
	}
	return "(?i)" + path
}

// grouped says whether every "|" of an expression stands in parentheses.
func grouped(path string) bool {
	depth := 0
	for i := range len(path) {
		switch path[i] {
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			if depth == 0 {
				return false
			}
		}
	}
	return true
}

// actionRules are the rules of one match, by what is done there.
func (c *Side) actionRules(l *routing.Location, m *rule, root bool) []*rule {
	a := l.Action
	var list []*rule
	if a.AppRoot != "" && root {
		list = append(list, &rule{location: l, exact: true, always: true, path: "/", filters: []any{redirectFilter(map[string]any{
			"path": fullPath(a.AppRoot), "statusCode": int64(302),
		})}})
		if m.exact {
			return list
		}
	}
	switch {
	case a.Redirect != "":
		if spec, ok := RedirectTo(a); ok {
			m.filters, m.alone, m.always = []any{redirectFilter(spec)}, false, true
			return append(list, m)
		}
		return list
	case a.Backend == nil:
		return append(list, c.defaultRule(l, m)...)
	}
	if a.HTTPS != 0 {
		redirect := *m
		redirect.redirects, redirect.alone = true, false
		redirect.filters = []any{redirectFilter(map[string]any{"scheme": "https", "statusCode": int64(routing.RedirectCode(a.HTTPS))})}
		list = append(list, &redirect)
	}
	m.filters = slices.Concat(headerFilters(a, c.Old.Owners[l].Ingress.Settings), m.filters)
	if a.Host != "" {
		m.filters = withHostname(m.filters, a.Host)
	}
	return append(list, c.backendRules(l, m)...)
}

// defaultRule is the rule of a location that the controller itself answers with 404
// (M30).
func (c *Side) defaultRule(l *routing.Location, m *rule) []*rule {
	var list []*rule
	if l.Action.HTTPS != 0 {
		redirect := *m
		redirect.redirects, redirect.alone = true, false
		redirect.filters = []any{redirectFilter(map[string]any{"scheme": "https", "statusCode": int64(routing.RedirectCode(l.Action.HTTPS))})}
		list = append(list, &redirect)
	}
	to := c.Options.DefaultBackend
	if to.Name == "" || l.Host == routing.CatchAll || !c.HasWider(l.Host) {
		return list
	}
	m.filters = nil
	m.backends = []any{backendTo(routing.Backend{Namespace: to.Namespace, Name: to.Name, Port: to.Port}, c.Old.Owners[l].Ingress.Namespace)}
	c.grant(c.Old.Owners[l].Ingress.Namespace, to.Namespace, to.Name)
	return append(list, m)
}

// backendRules are the rules that send requests on, canaries included (M31).
func (c *Side) backendRules(l *routing.Location, m *rule) []*rule {
	namespace := c.Old.Owners[l].Ingress.Namespace
	primary := backendTo(*l.Action.Backend, namespace)
	if s := c.Old.ServiceSettings(l.Action.Backend); s != nil {
		m.wants = c.Old.WantsOf(s)
	}
	k := l.Action.Canary
	if c.leavesCanary(l) {
		k = nil
	}
	if k == nil {
		m.backends = []any{primary}
		return c.byMethod(l, []*rule{m})
	}
	var list []*rule
	add := func(h headerMatch, to any) {
		r := *m
		r.header, r.rank, r.backends = &h, len(list)-100, []any{to}
		list = append(list, &r)
	}
	canary := backendTo(k.Backend, namespace)
	switch {
	case k.Header != "" && k.Value != "":
		add(headerMatch{name: k.Header, value: k.Value}, canary)
	case k.Header != "" && k.Pattern != "":
		add(headerMatch{name: k.Header, value: k.Pattern, regex: true}, canary)
	case k.Header != "":
		add(headerMatch{name: k.Header, value: "always"}, canary)
		add(headerMatch{name: k.Header, value: "never"}, primary)
	}
	if k.Cookie != "" {
		for _, choice := range []struct {
			word string
			to   any
		}{{"always", canary}, {"never", primary}} {
			add(headerMatch{name: "Cookie", value: `(^|.*;\s*)` + regexp.QuoteMeta(k.Cookie) + "=" + choice.word + `(;.*|$)`, regex: true}, choice.to)
		}
	}
	m.backends = []any{primary}
	if k.Weight > 0 {
		m.backends = []any{weighted(primary, k.Total-k.Weight), weighted(canary, k.Weight)}
	}
	return c.byMethod(l, append(list, m))
}

// backendTo is a backendRef, with the namespace when it is another one.
func backendTo(b routing.Backend, namespace string) map[string]any {
	ref := map[string]any{"name": b.Name, "port": int64(b.Port)}
	if b.Namespace != namespace {
		ref["namespace"] = b.Namespace
	}
	return ref
}

func weighted(ref map[string]any, weight int64) map[string]any {
	out := map[string]any{"weight": weight}
	for key, value := range ref {
		out[key] = value
	}
	return out
}

func fullPath(path string) map[string]any {
	return map[string]any{"type": "ReplaceFullPath", "replaceFullPath": path}
}

func redirectFilter(spec map[string]any) map[string]any {
	return map[string]any{"type": "RequestRedirect", "requestRedirect": spec}
}

func rewriteFilter(kind, value string) map[string]any {
	key := "replaceFullPath"
	if kind == "ReplacePrefixMatch" {
		key = "replacePrefixMatch"
	}
	return map[string]any{"type": "URLRewrite", "urlRewrite": map[string]any{"path": map[string]any{"type": kind, key: value}}}
}

// withHostname puts a hostname into the one URLRewrite of a rule.
func withHostname(filters []any, hostname string) []any {
	for i, f := range filters {
		if filter, ok := f.(map[string]any); ok && filter["type"] == "URLRewrite" {
			rewrite, _ := filter["urlRewrite"].(map[string]any)
			filters[i] = map[string]any{"type": "URLRewrite", "urlRewrite": map[string]any{"hostname": hostname, "path": rewrite["path"]}}
			return filters
		}
	}
	return append(filters, map[string]any{"type": "URLRewrite", "urlRewrite": map[string]any{"hostname": hostname}})
}

// RedirectTo is a redirect to a URL (M32); false when no filter leads there.
func RedirectTo(a *routing.Action) (map[string]any, bool) {
	u, err := url.Parse(a.Redirect)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Hostname() == "" ||
		u.Scheme != "http" && u.Scheme != "https" || strings.Contains(a.Redirect, "$") || a.KeepPath && strings.Trim(u.Path, "/") != "" {
		return nil, false
	}
	spec := map[string]any{"scheme": u.Scheme, "hostname": strings.ToLower(u.Hostname()), "statusCode": int64(routing.RedirectCode(a.Code))}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		spec["port"] = int64(port)
	}
	if !a.KeepPath {
		spec["path"] = fullPath(cmp.Or(u.Path, "/"))
	}
	return spec, HostnamePattern().MatchString(strings.ToLower(u.Hostname()))
}

// HostnamePattern matches what a filter accepts as a hostname.
func HostnamePattern() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
}

// headerFilters are the filters on headers, cross-origin requests and mirrors
// (M33).
func headerFilters(a *routing.Action, s *ingress.Settings) []any {
	var list []any
	if len(a.Request) > 0 {
		list = append(list, map[string]any{"type": "RequestHeaderModifier", "requestHeaderModifier": map[string]any{"set": headerList(a.Request)}})
	}
	if len(a.Response) > 0 {
		list = append(list, map[string]any{"type": "ResponseHeaderModifier", "responseHeaderModifier": map[string]any{"set": headerList(a.Response)}})
	}
	if a.CORS != "" {
		list = append(list, map[string]any{"type": "CORS", "cors": oldside.CORS(s)})
	}
	if to, ok := oldside.Mirror(s); ok && len(a.Mirrors) > 0 {
		list = append(list, map[string]any{"type": "RequestMirror", "requestMirror": map[string]any{
			"backendRef": map[string]any{"name": to.Service, "port": int64(to.Port)},
		}})
	}
	return list
}

func headerList(headers []routing.Header) []any {
	var list []any
	for _, h := range headers {
		list = append(list, map[string]any{"name": h.Name, "value": h.Value})
	}
	return list
}
