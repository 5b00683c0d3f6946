package request

import (
	"slices"
	"strings"
	"sync"

	"github.com/attache-dev/attache/hierarchy"
)

// Index answers questions about one Graph (Q11). The part of a Gateway is built when it is first
// needed.
type Index struct {
	graph *hierarchy.Graph

	// lock guards what is built on demand.
	lock     sync.Mutex
	refs     []hierarchy.Ref
	gateways map[hierarchy.Ref]*gateway
	orphans  hosts[*site]
}

// gateway is the part of the index for one Gateway.
type gateway struct {
	listeners map[*hierarchy.Listener]*listener
}

// listener contains what is bound to one listener.
type listener struct {
	*hierarchy.Listener
	// sites contain HTTPRoutes and GRPCRoutes, names contain TLSRoutes, both by hostname.
	sites hosts[*site]
	names hosts[*name]
	// active is the TCPRoute or UDPRoute that carries the listener's traffic.
	active *hierarchy.Route
	// strangers are routes of kinds whose matching is unknown.
	strangers []*hierarchy.Route

	// once guards others: the routes that name the Gateway and are not bound here, by their own
	// hostnames. They are only needed for more than the winner.
	once   sync.Once
	others hosts[*site]
}

// name is a hostname with the TLSRoutes that serve it, the strongest first.
type name struct {
	key, hostname string
	routes        []*hierarchy.Route
}

// New returns the Index of a Graph.
func New(graph *hierarchy.Graph) *Index {
	return &Index{graph: graph, gateways: make(map[hierarchy.Ref]*gateway)}
}

// Next returns the Index of a later Graph. It shares the parts of Gateways for which nothing
// changed.
func (x *Index) Next(graph *hierarchy.Graph) *Index {
	next := New(graph)
	x.lock.Lock()
	defer x.lock.Unlock()
	for ref, g := range x.gateways {
		if graph.SameTraffic(x.graph, ref) {
			next.gateways[ref] = g
		}
	}
	return next
}

// Graph returns the Graph of the Index.
func (x *Index) Graph() *hierarchy.Graph { return x.graph }

// gatewayRefs returns all Gateways, sorted.
func (x *Index) gatewayRefs() []hierarchy.Ref {
	x.lock.Lock()
	defer x.lock.Unlock()
	if x.refs == nil {
		x.refs = []hierarchy.Ref{}
		for g := range x.graph.Gateways() {
			x.refs = append(x.refs, g.Meta().Ref)
		}
		slices.SortFunc(x.refs, hierarchy.Compare)
	}
	return x.refs
}

// gateway returns the part of a Gateway.
func (x *Index) gateway(ref hierarchy.Ref) *gateway {
	x.lock.Lock()
	defer x.lock.Unlock()
	g, ok := x.gateways[ref]
	if !ok {
		g = build(x.graph, ref)
		x.gateways[ref] = g
	}
	return g
}

// build builds the part of a Gateway. Routes that are bound to several listeners share their
// candidates.
func build(graph *hierarchy.Graph, ref hierarchy.Ref) *gateway {
	g := &gateway{listeners: make(map[*hierarchy.Listener]*listener)}
	shared := make(map[*hierarchy.Route][]*candidate)
	for _, l := range graph.Listeners(ref) {
		entry := &listener{Listener: l}
		g.listeners[l] = entry
		for route, bound := range graph.Bound(l) {
			entry.add(route, bound, shared)
		}
		settle(entry.sites)
		for _, n := range entry.names {
			slices.SortFunc(n.routes, func(a, b *hierarchy.Route) int { return hierarchy.CompareAge(a.Meta(), b.Meta()) })
		}
	}
	return g
}

func (l *listener) add(route *hierarchy.Route, bound hierarchy.BoundListener, shared map[*hierarchy.Route][]*candidate) {
	switch ref := route.Meta().Ref; {
	case !hierarchy.IsStandardRoute(ref.GroupKind):
		l.strangers = append(l.strangers, route)
	case ref.Kind == "TCPRoute" || ref.Kind == "UDPRoute":
		if bound.Active {
			l.active = route
		}
	case ref.Kind == "TLSRoute":
		for _, k := range keysOf(route, bound.Hostnames, l.Spec.Hostname) {
			l.addName(k, route)
		}
	default:
		list, ok := shared[route]
		if !ok {
			list = candidates(route)
			shared[route] = list
		}
		l.sites = addSites(l.sites, keysOf(route, bound.Hostnames, l.Spec.Hostname), list)
	}
}

func (l *listener) addName(k key, route *hierarchy.Route) {
	n := l.names[k.key]
	if n == nil {
		n = &name{key: k.key, hostname: k.hostname}
		if l.names == nil {
			l.names = make(hosts[*name])
		}
		l.names[k.key] = n
	}
	n.routes = append(n.routes, route)
}

// addSites adds candidates under hostnames.
func addSites(sites hosts[*site], keys []key, list []*candidate) hosts[*site] {
	if sites == nil {
		sites = make(hosts[*site])
	}
	for _, k := range keys {
		s := sites[k.key]
		if s == nil {
			s = &site{key: k.key, hostname: k.hostname}
			sites[k.key] = s
		}
		for _, c := range list {
			s.add(c)
		}
	}
	return sites
}

func settle(sites hosts[*site]) {
	for _, s := range sites {
		s.settle()
	}
}

// key is a hostname and its key in hosts.
type key struct{ key, hostname string }

// keysOf returns the hostnames under which a route is found. A route without hostnames comes last,
// whatever the hostname of the listener is (Q4).
func keysOf(route *hierarchy.Route, shared []string, ofListener string) []key {
	if len(route.Hostnames) == 0 {
		return []key{{"", strings.ToLower(ofListener)}}
	}
	keys := make([]key, 0, len(shared))
	for _, hostname := range shared {
		k := key{hostKey(hostname), strings.ToLower(hostname)}
		if !slices.ContainsFunc(keys, func(other key) bool { return other.key == k.key }) {
			keys = append(keys, k)
		}
	}
	return keys
}

// othersOf returns the routes that name a Gateway or one of its ListenerSets but are not bound to a
// given listener of it.
func (x *Index) othersOf(l *listener) hosts[*site] {
	l.once.Do(func() {
		seen := make(map[*hierarchy.Route]bool)
		for route := range x.graph.Bound(l.Listener) {
			seen[route] = true
		}
		for route := range x.graph.Naming(l.Gateway) {
			if !seen[route] {
				seen[route] = true
				l.others = addSites(l.others, keysOf(route, route.Hostnames, ""), candidates(route))
			}
		}
		settle(l.others)
	})
	return l.others
}

// unbound returns the routes that are not bound at all.
func (x *Index) unbound() hosts[*site] {
	x.lock.Lock()
	defer x.lock.Unlock()
	if x.orphans == nil {
		x.orphans = make(hosts[*site])
		for route := range x.graph.Routes() {
			if ref := route.Meta().Ref; len(x.graph.BoundTo(ref)) == 0 {
				addSites(x.orphans, keysOf(route, route.Hostnames, ""), candidates(route))
			}
		}
		settle(x.orphans)
	}
	return x.orphans
}
