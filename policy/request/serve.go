package request

import (
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
)

// Hit is what serves a request.
type Hit struct {
	Listener *hierarchy.Listener
	Route    *hierarchy.Route
	// Rule and Match are indexes in the route. Match is -1 for a route that is selected without a
	// match: a TLSRoute by its hostname, a TCPRoute or UDPRoute by its listener.
	Rule, Match int
	// Hostname is the intersection of the hostnames of route and listener that the request's host
	// matches; empty means every host.
	Hostname string
}

// Match returns what serves a request on a Gateway, according to the rules without any of the
// options of a Question. The port of the request must be set. listener reports whether there is a
// listener for it. A data plane calls it once for each request.
func (x *Index) Match(gateway hierarchy.Ref, r *Request) (hit Hit, listener, ok bool) {
	g := x.gateway(gateway)
	var best *hierarchy.Listener
	most := -1
	for _, l := range x.graph.Listeners(gateway) {
		if l.Spec.Port != r.Port || !asked(l, r) {
			continue
		}
		s := specificity(l.Spec.Hostname, r.Host)
		if s > most || s >= 0 && s == most && l.Spec.Protocol < best.Spec.Protocol {
			best, most = l, s
		}
	}
	if best == nil {
		return Hit{}, false, false
	}
	hit, ok = g.listeners[best].serve(r, false)
	return hit, true, ok
}

// asked reports whether a request can reach a listener by its scheme, and by its port if it has one
// (Q3).
func asked(l *hierarchy.Listener, r *Request) bool {
	if l.Conflicted != "" || r.Port != 0 && r.Port != l.Spec.Port {
		return false
	}
	switch l.Spec.Protocol {
	case "HTTP":
		return r.Scheme == "" || r.Scheme == SchemeHTTP || r.Scheme == SchemeGRPC
	case "HTTPS", "TLS":
		return r.Scheme == "" || r.Scheme == SchemeHTTPS || r.Scheme == SchemeGRPCS
	case "TCP", "UDP":
		// These accept anything, so they are only selected by an explicit port.
		return r.Port != 0
	}
	return false
}

// serve finds what serves a request on a listener, and nothing else.
func (l *listener) serve(r *Request, deeper bool) (Hit, bool) {
	hit, ok := Hit{Listener: l.Listener}, false
	switch l.Spec.Protocol {
	case "TCP", "UDP":
		return l.stream()
	case "TLS":
		return l.passed(r)
	}
	grpc := r.GRPC()
	l.sites.each(r.Host, func(s *site) bool {
		s.each(r, grpc, func(c *candidate) bool {
			hit.Route, hit.Rule, hit.Match, hit.Hostname, ok = c.route, c.rule, c.match, s.hostname, true
			return false
		})
		return !ok && deeper
	})
	return hit, ok
}

// stream returns the only active route of a TCP or UDP listener.
func (l *listener) stream() (Hit, bool) {
	return Hit{Listener: l.Listener, Route: l.active, Match: -1}, l.active != nil
}

// passed finds the TLSRoute for the host named in the handshake. On a listener that terminates TLS,
// a TCPRoute takes the rest.
func (l *listener) passed(r *Request) (Hit, bool) {
	hit := Hit{Listener: l.Listener, Match: -1}
	l.names.each(r.Host, func(n *name) bool {
		hit.Route, hit.Hostname = n.routes[0], n.hostname
		return false
	})
	if hit.Route == nil {
		return l.stream()
	}
	return hit, true
}

// ladder contains the listeners of one port and one class of protocols that match a request, the
// most specific first.
type ladder struct {
	port  int32
	tls   bool
	rungs []*hierarchy.Listener
}

// ladders returns the ladders of a Gateway, sorted by port. A port that has listeners with and
// without TLS has two ladders, the one without TLS first.
func (x *Index) ladders(gateway hierarchy.Ref, r *Request) []ladder {
	var all []ladder
	for _, l := range x.graph.Listeners(gateway) {
		if !asked(l, r) || specificity(l.Spec.Hostname, r.Host) < 0 {
			continue
		}
		tls := secure(l)
		i := slices.IndexFunc(all, func(a ladder) bool { return a.port == l.Spec.Port && a.tls == tls })
		if i < 0 {
			i = len(all)
			all = append(all, ladder{port: l.Spec.Port, tls: tls})
		}
		all[i].rungs = append(all[i].rungs, l)
	}
	for i := range all {
		slices.SortStableFunc(all[i].rungs, func(a, b *hierarchy.Listener) int {
			if more := specificity(b.Spec.Hostname, r.Host) - specificity(a.Spec.Hostname, r.Host); more != 0 {
				return more
			}
			return strings.Compare(a.Spec.Protocol, b.Spec.Protocol) // HTTPS before TLS
		})
	}
	slices.SortStableFunc(all, func(a, b ladder) int {
		if a.port == b.port && a.tls != b.tls {
			return first(b.tls)
		}
		return int(a.port) - int(b.port)
	})
	return all
}

func secure(l *hierarchy.Listener) bool {
	return l.Spec.Protocol == "HTTPS" || l.Spec.Protocol == "TLS"
}
