package worlds

import (
	"fmt"
	"math/rand/v2"
)

// world is a small cluster, in a form that is easy to draw, to take apart and
// to reason about.
type world struct {
	labels   map[string]string // namespace -> value of its label "env"
	tiers    map[string]string // namespace, class -> value of its label "tier"
	gateways []gateway
	sets     []listenerSet
	routes   []route
	policies []pol
	grants   []grant
}

type gateway struct {
	ns, name, class string
	tier            string
	sets            string // allowedListeners: "", Same, All or Selector
	listeners       []listener
}

type listenerSet struct {
	ns, name, parentNS, parent string
	tier                       string
	created                    int
	listeners                  []listener
}

type listener struct {
	name, proto, mode, host string
	port                    int
	from                    string   // "", Same, All or Selector (env=prod)
	kinds                   []string // allowedRoutes.kinds
}

type route struct {
	kind, ns, name string
	tier           string
	created        int
	parents        []parent
	hosts          []string
	rules          []rule
}

type parent struct {
	kind, ns, name, section string
	port                    int
}

type rule struct{ name, request, backend string }

// pol is a policy of one of the kinds in kinds_test.go.
type pol struct {
	kind, ns, name string
	created        int // 0: none
	targets        []target
	selectors      []selector
	def, ovr       map[string]string // leaf -> value; "null" is a mark
	defWord        string            // the strategy as it is written
	ovrWord        string
	bounds         map[string]bound
}

type target struct{ kind, ns, name, section string }

// selector is a targetSelectors entry: objects of a kind by their label "tier".
type selector struct {
	kind, tier string // tier "" selects all of the kind
	section    string
	from       string // of kinds that are not ours: "", Same, All or Selector (env=prod)
}

// bound is what a policy says about a field; "" is not said.
type bound struct {
	min, max string
	oneOf    []string
}

type grant struct{ ns, fromKind, fromNS, toKind, toName string }

var (
	namespaces = []string{"infra", "shop", "pay"}
	classes    = []string{"edge", "inner"}
	tiers      = []string{"", "web", "api"}
)

// draw makes a random world. size is from 0 to 1.
func draw(r *rand.Rand, size float64) *world {
	upto := func(n int) int { return r.IntN(1 + max(1, int(float64(n)*size))) }
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	w := &world{labels: map[string]string{}, tiers: map[string]string{}}
	for _, ns := range namespaces {
		w.labels[ns], w.tiers[ns] = pick("prod", "dev"), pick(tiers...)
	}
	for _, class := range classes {
		w.tiers[class] = pick(tiers...)
	}
	for i := range 1 + upto(4) {
		w.gateways = append(w.gateways, gateway{
			ns: pick(namespaces...), name: fmt.Sprintf("g%d", i), class: pick("edge", "inner", "edge", "edge", "absent"), tier: pick(tiers...),
			sets: pick("", "Same", "All", "Selector", "All"), listeners: listeners(r, pick),
		})
	}
	for i := range upto(4) {
		g := w.gateways[r.IntN(len(w.gateways))]
		w.sets = append(w.sets, listenerSet{
			ns: pick(namespaces...), name: fmt.Sprintf("s%d", i), parentNS: g.ns, parent: pick(g.name, g.name, g.name, "none"), tier: pick(tiers...),
			created: r.IntN(3), listeners: listeners(r, pick),
		})
	}
	for i := range upto(30) {
		w.routes = append(w.routes, w.route(r, pick, i))
	}
	for i := range upto(40) {
		w.policies = append(w.policies, w.policy(r, pick, i))
	}
	for range upto(4) {
		w.grants = append(w.grants, grant{pick(namespaces...), pick(kindNames...), pick(namespaces...),
			pick("Gateway", "HTTPRoute", "HTTPRoute", "ListenerSet"), pick("", "", "g0", "r1", "s0")})
	}
	return w
}

func listeners(r *rand.Rand, pick func(...string) string) []listener {
	var list []listener
	for i := range 1 + r.IntN(3) {
		l := listener{name: fmt.Sprintf("l%d", i), proto: pick("HTTP", "HTTPS", "HTTP", "TLS", "TCP", "UDP"), port: 80 + 10*i + r.IntN(2)}
		if l.proto == "TLS" {
			l.mode = pick("Passthrough", "Terminate", "Passthrough")
		}
		if l.proto != "TCP" && l.proto != "UDP" {
			l.host = pick("", "", "example.com", "*.example.com", "a.example.com", "*.org")
		}
		l.from = pick("", "Same", "All", "All", "All", "Selector")
		if r.IntN(5) == 0 {
			l.kinds = []string{pick("HTTPRoute", "GRPCRoute", "TCPRoute"), pick("TLSRoute", "HTTPRoute")}
		}
		list = append(list, l)
	}
	return list
}

func (w *world) route(r *rand.Rand, pick func(...string) string, i int) route {
	rt := route{
		kind: pick("HTTPRoute", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"),
		ns:   pick(namespaces...), name: fmt.Sprintf("r%d", i), created: r.IntN(4), tier: pick(tiers...),
	}
	for range 1 + r.IntN(3) {
		p := parent{kind: "Gateway", section: pick("", "", "l0", "l1", "nope")}
		g := w.gateways[r.IntN(len(w.gateways))]
		p.ns, p.name = g.ns, g.name
		if len(w.sets) > 0 && r.IntN(3) == 0 {
			s := w.sets[r.IntN(len(w.sets))]
			p.kind, p.ns, p.name = "ListenerSet", s.ns, s.name
		}
		if r.IntN(6) == 0 {
			p.port = 80 + 10*r.IntN(3) + r.IntN(2)
		}
		if r.IntN(15) == 0 {
			p.kind, p.section = "Service", ""
		}
		rt.parents = append(rt.parents, p)
	}
	if rt.kind != "TCPRoute" && rt.kind != "UDPRoute" {
		for range r.IntN(3) {
			rt.hosts = append(rt.hosts, pick("example.com", "*.example.com", "a.example.com", "*.a.example.com", "other.org"))
		}
		if rt.kind == "TLSRoute" && len(rt.hosts) == 0 {
			rt.hosts = []string{"a.example.com"}
		}
	}
	rules := 1
	switch rt.kind {
	case "HTTPRoute":
		rules = 1 + r.IntN(3)
	case "GRPCRoute":
		rules = r.IntN(3)
	}
	for range rules {
		rl := rule{name: pick("", "one", "two", "two")}
		if rt.kind == "HTTPRoute" {
			rl.request, rl.backend = pick("", "", "", "7s", "70s"), pick("", "", "", "3s")
		}
		rt.rules = append(rt.rules, rl)
	}
	return rt
}

func (w *world) policy(r *rand.Rand, pick func(...string) string, i int) pol {
	k := kinds[r.IntN(len(kinds))]
	p := pol{
		kind: k.name, ns: pick(namespaces...), name: fmt.Sprintf("p%d", i), created: r.IntN(3),
		defWord: pick(k.words...), ovrWord: pick(k.words...),
		def: map[string]string{}, ovr: map[string]string{}, bounds: map[string]bound{},
	}
	if k.wordInSpec() {
		p.ovrWord = p.defWord // one field of spec
	}
	if r.IntN(3) == 0 {
		for range 1 + r.IntN(2) {
			p.selectors = append(p.selectors, w.selector(r, pick, k))
		}
	}
	if len(p.selectors) == 0 || (!k.ours && r.IntN(3) == 0) {
		for range 1 + r.IntN(2) {
			t := w.target(r, pick)
			if r.IntN(4) > 0 && t.ns != "" {
				p.ns = t.ns
			}
			p.targets = append(p.targets, t)
		}
	}
	k.fill(r, pick, p.def, 2)
	if k.blocks != "" {
		k.fill(r, pick, p.ovr, 6)
	}
	for _, f := range k.bounded {
		if r.IntN(5) == 0 {
			p.bounds[f.leaf] = f.draw(r, pick)
		}
	}
	if len(p.def)+len(p.ovr)+len(p.bounds) == 0 {
		p.def[k.leaves[0].path] = k.leaves[0].values[0]
	}
	return p
}

func (w *world) selector(r *rand.Rand, pick func(...string) string, k kind) selector {
	s := selector{kind: pick("HTTPRoute", "HTTPRoute", "GRPCRoute", "Gateway", "Namespace", "ListenerSet", "GatewayClass"), tier: pick(tiers...)}
	switch s.kind {
	case "HTTPRoute", "GRPCRoute":
		s.section = pick("", "", "one", "two")
	case "Gateway", "ListenerSet":
		s.section = pick("", "", "l0")
	}
	if !k.ours {
		s.from = pick("", "", "Same", "All", "Selector")
	}
	return s
}

func (w *world) target(r *rand.Rand, pick func(...string) string) target {
	switch n := r.IntN(12); {
	case n < 2:
		return target{kind: "GatewayClass", name: pick("edge", "inner", "absent")}
	case n < 5 || len(w.routes) == 0:
		g := w.gateways[r.IntN(len(w.gateways))]
		return target{"Gateway", g.ns, g.name, pick("", "", "l0", "l1", "nope")}
	case n < 6 && len(w.sets) > 0:
		s := w.sets[r.IntN(len(w.sets))]
		return target{"ListenerSet", s.ns, s.name, pick("", "", "l0")}
	case n < 8:
		return target{kind: "Namespace", name: pick("infra", "shop", "pay", "none")}
	default:
		rt := w.routes[r.IntN(len(w.routes))]
		return target{rt.kind, rt.ns, rt.name, pick("", "", "one", "two", "nope")}
	}
}
