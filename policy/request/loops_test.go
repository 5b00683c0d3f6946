package request_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/request"
)

// loops answers questions in plain loops over the manifests, without an index
// and without any of the package's code. Of the Graph it takes the bindings.
type loops struct {
	graph  *hierarchy.Graph
	routes []*unstructured.Unstructured
	q      request.Question
}

// contender is a match that the request satisfies, as the loops see it.
type contender struct {
	route       *unstructured.Unstructured
	rule, match int
	hostname    string
	hostRank    int
	ranks       [7]int
	created     string
	redirect    bool
	weights     int64
}

// answers are one line for each Gateway and port.
func (w *loops) answers() []string {
	var lines []string
	var gateways []*hierarchy.Gateway
	for g := range w.graph.Gateways() {
		gateways = append(gateways, g)
	}
	slices.SortFunc(gateways, func(a, b *hierarchy.Gateway) int { return strings.Compare(a.Meta().Ref.Name, b.Meta().Ref.Name) })
	for _, g := range gateways {
		if w.q.Gateway.IsZero() || w.q.Gateway == g.Meta().Ref {
			lines = append(lines, w.gateway(g)...)
		}
	}
	if len(lines) == 0 {
		return []string{"NoListener"}
	}
	return lines
}

func (w *loops) gateway(g *hierarchy.Gateway) []string {
	var lines []string
	for _, port := range []int32{80, 443, 8080} {
		for _, tls := range []bool{false, true} {
			var fit []*hierarchy.Listener
			for _, l := range w.graph.Listeners(g.Meta().Ref) {
				if l.Spec.Port == port && tls == (l.Spec.Protocol == "HTTPS" || l.Spec.Protocol == "TLS") && w.reaches(l) {
					fit = append(fit, l)
				}
			}
			if len(fit) > 0 {
				lines = append(lines, fmt.Sprintf("%s:%d %s", g.Meta().Ref.Name, port, w.listeners(fit)))
			}
		}
	}
	return lines
}

func (w *loops) reaches(l *hierarchy.Listener) bool {
	scheme := map[string][]string{
		"HTTP": {"http", "grpc", ""}, "HTTPS": {"https", "grpcs", ""}, "TLS": {"https", "grpcs", ""}, "TCP": {"http", "https", "grpc", "grpcs", ""},
	}[l.Spec.Protocol]
	if l.Conflicted != "" || !slices.Contains(scheme, w.q.Request.Scheme) || l.Spec.Protocol == "TCP" && w.q.Request.Port == 0 {
		return false
	}
	if w.q.Request.Port != 0 && w.q.Request.Port != l.Spec.Port {
		return false
	}
	return rankOf(l.Spec.Hostname, w.q.Request.Host) > 0
}

// rankOf is 0 when a hostname is not for the host: 1 for none, then longer
// wildcards, then the exact one.
func rankOf(hostname, host string) int {
	hostname = strings.ToLower(hostname)
	switch {
	case hostname == "":
		return 1
	case hostname == host:
		return 1000
	case strings.HasPrefix(hostname, "*."):
		want, have := strings.Split(hostname, ".")[1:], strings.Split(host, ".")
		if len(have) > len(want) && slices.Equal(have[len(have)-len(want):], want) {
			return 1 + len(hostname)
		}
	}
	return 0
}

func (w *loops) listeners(fit []*hierarchy.Listener) string {
	slices.SortStableFunc(fit, func(a, b *hierarchy.Listener) int {
		if d := rankOf(b.Spec.Hostname, w.q.Request.Host) - rankOf(a.Spec.Hostname, w.q.Request.Host); d != 0 {
			return d
		}
		return strings.Compare(a.Spec.Protocol, b.Spec.Protocol)
	})
	for i, l := range fit {
		if i > 0 && !w.q.NoIsolation {
			break
		}
		if served := w.listener(l); served != "" {
			return l.Spec.Name + " " + served
		}
	}
	return fit[0].Spec.Name + " NoRoute"
}

// listener is what serves the request there, empty for nothing.
func (w *loops) listener(l *hierarchy.Listener) string {
	if l.Spec.Protocol == "TLS" {
		if served := w.byName(l, "TLSRoute"); served != "" {
			return served
		}
	}
	if l.Spec.Protocol == "TLS" || l.Spec.Protocol == "TCP" {
		for _, u := range w.routes {
			if b, ok := w.bound(u, l); ok && u.GetKind() == "TCPRoute" && b.Active {
				return "Matched TCPRoute " + u.GetName()
			}
		}
		return ""
	}
	all := w.contenders(l)
	if len(all) == 0 {
		return ""
	}
	best, top := all[0], 0
	for _, c := range all {
		if c.stronger(best) {
			best = c
		}
	}
	// The most specific hostname of any route decides, whether it has a rule
	// that matches or not.
	for _, u := range w.routes {
		if _, ok := w.bound(u, l); ok && (u.GetKind() == "HTTPRoute" || u.GetKind() == "GRPCRoute") {
			_, rank := w.hostname(u, l)
			top = max(top, rank)
		}
	}
	if best.hostRank < top && !w.q.Fallthrough {
		return ""
	}
	result := "Matched"
	if best.redirect {
		result = "Redirect"
	} else if best.weights == 0 {
		result = "Matched(500)"
	}
	return fmt.Sprintf("%s %s %s rule %d match %d host %q", result, best.route.GetKind(), best.route.GetName(), best.rule, best.match, best.hostname)
}

func (w *loops) byName(l *hierarchy.Listener, kind string) string {
	var best *unstructured.Unstructured
	var bestRank int
	for _, u := range w.routes {
		if _, ok := w.bound(u, l); !ok || u.GetKind() != kind {
			continue
		}
		_, rank := w.hostname(u, l)
		if rank > bestRank || rank == bestRank && rank > 0 && older(u, best) {
			best, bestRank = u, rank
		}
	}
	if best == nil {
		return ""
	}
	return "Matched " + kind + " " + best.GetName()
}

func (w *loops) bound(u *unstructured.Unstructured, l *hierarchy.Listener) (hierarchy.BoundListener, bool) {
	for _, b := range w.graph.Bindings(hierarchy.NewRef(hierarchy.Group, u.GetKind(), u.GetNamespace(), u.GetName())) {
		for _, bl := range b.Listeners {
			if bl.Listener == l {
				return bl, true
			}
		}
	}
	return hierarchy.BoundListener{}, false
}

// hostname is the route's most specific one for the host, with its rank: 0
// when there is none.
func (w *loops) hostname(u *unstructured.Unstructured, l *hierarchy.Listener) (string, int) {
	b, _ := w.bound(u, l)
	if hosts, _, _ := unstructured.NestedSlice(u.Object, "spec", "hostnames"); len(hosts) == 0 {
		return strings.ToLower(l.Spec.Hostname), 1
	}
	best, rank := "", 0
	for _, h := range b.Hostnames {
		if n := rankOf(h, w.q.Request.Host); n > rank {
			best, rank = strings.ToLower(h), n
		}
	}
	return best, rank
}

func (w *loops) contenders(l *hierarchy.Listener) []contender {
	var all []contender
	for _, u := range w.routes {
		if _, ok := w.bound(u, l); !ok || u.GetKind() != "HTTPRoute" && (u.GetKind() != "GRPCRoute" || !w.grpc()) {
			continue
		}
		hostname, rank := w.hostname(u, l)
		if rank == 0 {
			continue
		}
		for i, rule := range list(u.Object, "spec", "rules") {
			matches := list(rule, "matches")
			if len(matches) == 0 {
				matches = []map[string]any{{}}
			}
			for j, m := range matches {
				c := contender{route: u, rule: i, match: j, hostname: hostname, hostRank: rank}
				c.created, _, _ = unstructured.NestedString(u.Object, "metadata", "creationTimestamp")
				for _, b := range list(rule, "backendRefs") {
					weight, ok := b["weight"].(float64)
					if !ok {
						weight = 1
					}
					c.weights += int64(weight)
				}
				c.redirect = len(list(rule, "filters")) > 0
				if w.satisfies(u.GetKind(), m, &c.ranks) {
					all = append(all, c)
				}
			}
		}
	}
	return all
}

func list(from map[string]any, path ...string) []map[string]any {
	entries, _, _ := unstructured.NestedSlice(from, path...)
	var objects []map[string]any
	for _, e := range entries {
		objects = append(objects, e.(map[string]any))
	}
	return objects
}

func (w *loops) grpc() bool {
	if strings.HasPrefix(w.q.Request.Scheme, "grpc") {
		return true
	}
	return slices.ContainsFunc(w.q.Request.Headers, func(h hierarchy.Header) bool {
		return h.Name == "content-type" && strings.HasPrefix(h.Value, "application/grpc")
	})
}

// satisfies says whether the request satisfies a match, and fills in how
// strong it is, the strongest criterion first.
func (w *loops) satisfies(kind string, m map[string]any, ranks *[7]int) bool {
	text := func(otherwise string, path ...string) string {
		if s, ok, _ := unstructured.NestedString(m, path...); ok {
			return s
		}
		return otherwise
	}
	r := w.q.Request
	if kind == "GRPCRoute" {
		parts := strings.Split(r.Path, "/")
		exact := text("Exact", "method", "type") == "Exact"
		for i, name := range []string{"service", "method"} {
			want := text("", "method", name)
			switch {
			case want == "":
			case len(parts) != 3:
				return false
			case exact && parts[i+1] != want, !exact && !full(want, parts[i+1]):
				return false
			case exact:
				ranks[3+i] = len(want)
			}
		}
		ranks[0] = 1
	} else {
		value := text("/", "path", "value")
		switch text("PathPrefix", "path", "type") {
		case "Exact":
			if r.Path != value {
				return false
			}
			ranks[1] = 1
		case "RegularExpression":
			if !full(value, r.Path) {
				return false
			}
			ranks[2] = 1
		default:
			want, have := strings.Split(strings.TrimSuffix(value, "/"), "/"), strings.Split(r.Path, "/")
			if len(have) < len(want) || !slices.Equal(have[:len(want)], want) {
				return false
			}
			ranks[3] = len(value)
		}
		if method := text("", "method"); method != "" {
			if method != r.Method {
				return false
			}
			ranks[4] = 1
		}
	}
	seen := map[string]bool{}
	for _, h := range list(m, "headers") {
		name := strings.ToLower(h["name"].(string))
		if seen[name] {
			continue
		}
		seen[name] = true
		ranks[5]++
		i := slices.IndexFunc(r.Headers, func(h hierarchy.Header) bool { return h.Name == name })
		if i < 0 || !valueFits(h, r.Headers[i].Value) {
			return false
		}
	}
	for _, p := range list(m, "queryParams") {
		ranks[6]++
		value, ok := firstValue(r.Query, p["name"].(string))
		if !ok || !valueFits(p, value) {
			return false
		}
	}
	return true
}

func valueFits(condition map[string]any, value string) bool {
	if condition["type"] == "RegularExpression" {
		return full(condition["value"].(string), value)
	}
	return condition["value"] == value
}

func full(expression, value string) bool {
	return regexp.MustCompile(`\A(?:` + expression + `)\z`).MatchString(value)
}

func firstValue(query, name string) (string, bool) {
	for _, pair := range strings.Split(query, "&") {
		k, v, _ := strings.Cut(pair, "=")
		if pair != "" && unescaped(k) == name {
			return unescaped(v), true
		}
	}
	return "", false
}

func unescaped(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}

func (c contender) stronger(o contender) bool {
	if c.hostRank != o.hostRank {
		return c.hostRank > o.hostRank
	}
	for i := range c.ranks {
		if c.ranks[i] != o.ranks[i] {
			return c.ranks[i] > o.ranks[i]
		}
	}
	if c.route != o.route {
		return older(c.route, o.route)
	}
	return c.rule < o.rule || c.rule == o.rule && c.match < o.match
}

func older(a, b *unstructured.Unstructured) bool {
	age := func(u *unstructured.Unstructured) string {
		if s, _, _ := unstructured.NestedString(u.Object, "metadata", "creationTimestamp"); s != "" {
			return s
		}
		return "9999"
	}
	if age(a) != age(b) {
		return age(a) < age(b)
	}
	return a.GetName() < b.GetName()
}
