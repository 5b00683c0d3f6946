package worlds

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// world is a small cluster, in a form that is easy to draw, to take apart and
// to reason about.
type world struct {
	labels   map[string]string // namespace -> value of its label "env"
	gateways []gateway
	sets     []listenerSet
	routes   []route
	policies []pol
	grants   []grant
}

type gateway struct {
	ns, name, class string
	sets            string // allowedListeners: "", Same, All or Selector
	listeners       []listener
}

type listenerSet struct {
	ns, name, parentNS, parent string
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

type pol struct {
	kind, ns, name string // TimeoutPolicy of ours, or Quota of a stranger
	created        int    // 0: none
	targets        []target
	defStrategy    string // Patch or Atomic
	ovrStrategy    string
	def, ovr       map[string]string
	bounds         map[string][2]string // field -> min, max; "" is none
}

type target struct{ kind, ns, name, section string }

type grant struct{ ns, fromKind, fromNS, toKind, toName string }

var namespaces = []string{"infra", "shop", "pay"}

// draw makes a random world. size is from 0 to 1.
func draw(r *rand.Rand, size float64) *world {
	upto := func(n int) int { return r.IntN(1 + max(1, int(float64(n)*size))) }
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	w := &world{labels: map[string]string{"infra": pick("prod", "dev"), "shop": pick("prod", "dev"), "pay": pick("prod", "dev")}}
	for i := range 1 + upto(4) {
		w.gateways = append(w.gateways, gateway{
			ns: pick(namespaces...), name: fmt.Sprintf("g%d", i), class: pick("edge", "inner", "edge"),
			sets: pick("", "Same", "All", "Selector", "All"), listeners: listeners(r, pick),
		})
	}
	for i := range upto(4) {
		g := w.gateways[r.IntN(len(w.gateways))]
		w.sets = append(w.sets, listenerSet{
			ns: pick(namespaces...), name: fmt.Sprintf("s%d", i), parentNS: g.ns, parent: pick(g.name, g.name, g.name, "none"),
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
		w.grants = append(w.grants, grant{pick(namespaces...), pick("TimeoutPolicy", "Quota"), pick(namespaces...),
			pick("Gateway", "HTTPRoute", "ListenerSet"), pick("", "", "g0", "r1", "s0")})
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
		ns:   pick(namespaces...), name: fmt.Sprintf("r%d", i), created: r.IntN(4),
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
	p := pol{
		kind: pick("TimeoutPolicy", "TimeoutPolicy", "Quota"), ns: pick(namespaces...), name: fmt.Sprintf("p%d", i), created: r.IntN(3),
		defStrategy: pick("Patch", "Patch", "Atomic"), ovrStrategy: pick("Patch", "Patch", "Atomic"),
		def: map[string]string{}, ovr: map[string]string{}, bounds: map[string][2]string{},
	}
	for range 1 + r.IntN(2) {
		t := w.target(r, pick)
		if r.IntN(4) > 0 && t.ns != "" {
			p.ns = t.ns
		}
		p.targets = append(p.targets, t)
	}
	fields := []string{"request", "backend", "idle"}
	if p.kind == "TimeoutPolicy" {
		p.ovrStrategy = p.defStrategy // one field of spec
	}
	for _, f := range fields {
		if r.IntN(2) == 0 {
			p.def[f] = pick("0s", "1s", "10s", "60s")
		}
		if r.IntN(5) == 0 {
			p.ovr[f] = pick("2s", "20s", "90s")
		}
		if r.IntN(6) == 0 && p.kind == "TimeoutPolicy" {
			p.bounds[f] = [2]string{pick("", "", "5s", "10s"), pick("", "10s", "40s", "60s")}
			if p.bounds[f] == [2]string{} {
				p.bounds[f] = [2]string{"", "30s"}
			}
		}
	}
	if len(p.def)+len(p.ovr)+len(p.bounds) == 0 {
		p.def["request"] = "11s"
	}
	return p
}

func (w *world) target(r *rand.Rand, pick func(...string) string) target {
	switch n := r.IntN(10); {
	case n < 2:
		return target{kind: "GatewayClass", name: pick("edge", "inner", "absent")}
	case n < 5 || len(w.routes) == 0:
		g := w.gateways[r.IntN(len(w.gateways))]
		return target{"Gateway", g.ns, g.name, pick("", "", "l0", "l1", "nope")}
	case n < 6 && len(w.sets) > 0:
		s := w.sets[r.IntN(len(w.sets))]
		return target{"ListenerSet", s.ns, s.name, pick("", "", "l0")}
	default:
		rt := w.routes[r.IntN(len(w.routes))]
		return target{rt.kind, rt.ns, rt.name, pick("", "", "one", "two", "nope")}
	}
}

// yaml writes the world as manifests.
func (w *world) yaml() string {
	var docs []string
	add := func(format string, args ...any) { docs = append(docs, fmt.Sprintf(format, args...)) }
	const v1 = "apiVersion: gateway.networking.k8s.io/v1, kind: "
	for _, ns := range namespaces {
		add("{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {env: %s}}}", ns, w.labels[ns])
	}
	for _, class := range []string{"edge", "inner"} {
		add("{%sGatewayClass, metadata: {name: %s}, spec: {controllerName: example.com/c}}", v1, class)
	}
	for _, g := range w.gateways {
		add("{%sGateway, metadata: {name: %s, namespace: %s}, spec: {gatewayClassName: %s%s, listeners: %s}}",
			v1, g.name, g.ns, g.class, gate("allowedListeners", g.sets, ""), listenersYAML(g.listeners))
	}
	for _, s := range w.sets {
		add("{%sListenerSet, metadata: {name: %s, namespace: %s%s}, spec: {parentRef: {name: %s, namespace: %s}, listeners: %s}}",
			v1, s.name, s.ns, created(s.created), s.parent, s.parentNS, listenersYAML(s.listeners))
	}
	for _, rt := range w.routes {
		add("{%s%s, metadata: {name: %s, namespace: %s%s}, spec: {%s}}", v1, rt.kind, rt.name, rt.ns, created(rt.created), rt.spec())
	}
	for _, p := range w.policies {
		group := "attache.dev/v1alpha1"
		if p.kind == "Quota" {
			group = "stranger.io/v1"
		}
		add("{apiVersion: %s, kind: %s, metadata: {name: %s, namespace: %s%s}, spec: {%s}}", group, p.kind, p.name, p.ns, created(p.created), p.spec())
	}
	for i, g := range w.grants {
		group := "attache.dev"
		if g.fromKind == "Quota" {
			group = "stranger.io"
		}
		name := ""
		if g.toName != "" {
			name = ", name: " + g.toName
		}
		add("{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: grant%d, namespace: %s}, spec: {from: [{group: %s, kind: %s, namespace: %s}], to: [{group: gateway.networking.k8s.io, kind: %s%s}]}}",
			i, g.ns, group, g.fromKind, g.fromNS, g.toKind, name)
	}
	return strings.Join(docs, "\n---\n")
}

func created(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(`, creationTimestamp: "2026-01-0%dT00:00:00Z"`, n)
}

func gate(field, from, more string) string {
	switch from {
	case "":
		if more == "" {
			return ""
		}
		return fmt.Sprintf(", %s: {%s}", field, strings.TrimPrefix(more, ", "))
	case "Selector":
		return fmt.Sprintf(", %s: {namespaces: {from: Selector, selector: {matchLabels: {env: prod}}}%s}", field, more)
	}
	return fmt.Sprintf(", %s: {namespaces: {from: %s}%s}", field, from, more)
}

func listenersYAML(list []listener) string {
	var entries []string
	for _, l := range list {
		entry := fmt.Sprintf("name: %s, port: %d, protocol: %s", l.name, l.port, l.proto)
		if l.host != "" {
			entry += fmt.Sprintf(", hostname: %q", l.host)
		}
		if l.mode != "" {
			entry += ", tls: {mode: " + l.mode + "}"
		}
		more := ""
		if len(l.kinds) > 0 {
			more = fmt.Sprintf(", kinds: [{kind: %s}, {kind: %s}]", l.kinds[0], l.kinds[1])
		}
		entries = append(entries, "{"+entry+gate("allowedRoutes", l.from, more)+"}")
	}
	return "[" + strings.Join(entries, ", ") + "]"
}

func (rt route) spec() string {
	var parents, hosts, rules []string
	for _, p := range rt.parents {
		ref := "name: " + p.name + ", namespace: " + p.ns
		switch p.kind {
		case "Service":
			ref += `, group: "", kind: Service`
		case "ListenerSet":
			ref += ", kind: ListenerSet"
		}
		if p.section != "" {
			ref += ", sectionName: " + p.section
		}
		if p.port != 0 {
			ref += fmt.Sprintf(", port: %d", p.port)
		}
		parents = append(parents, "{"+ref+"}")
	}
	for _, h := range rt.hosts {
		hosts = append(hosts, fmt.Sprintf("%q", h))
	}
	for _, rl := range rt.rules {
		var parts, timeouts []string
		if rl.name != "" {
			parts = append(parts, "name: "+rl.name)
		}
		if rl.request != "" {
			timeouts = append(timeouts, "request: "+rl.request)
		}
		if rl.backend != "" {
			timeouts = append(timeouts, "backendRequest: "+rl.backend)
		}
		if len(timeouts) > 0 {
			parts = append(parts, "timeouts: {"+strings.Join(timeouts, ", ")+"}")
		}
		rules = append(rules, "{"+strings.Join(parts, ", ")+"}")
	}
	return fmt.Sprintf("parentRefs: [%s], hostnames: [%s], rules: [%s]", strings.Join(parents, ", "), strings.Join(hosts, ", "), strings.Join(rules, ", "))
}

func (p pol) spec() string {
	var refs, parts []string
	for _, t := range p.targets {
		ref := fmt.Sprintf("group: gateway.networking.k8s.io, kind: %s, name: %s", t.kind, t.name)
		if t.ns != "" {
			ref += ", namespace: " + t.ns
		}
		if t.section != "" {
			ref += ", sectionName: " + t.section
		}
		refs = append(refs, "{"+ref+"}")
	}
	parts = append(parts, "targetRefs: ["+strings.Join(refs, ", ")+"]")
	fields := func(m map[string]string, strategy string) string {
		var list []string
		if strategy != "" {
			list = append(list, "strategy: "+strategy)
		}
		for _, f := range []string{"request", "backend", "idle"} {
			if v, ok := m[f]; ok {
				list = append(list, f+": "+v)
			}
		}
		return "{" + strings.Join(list, ", ") + "}"
	}
	if p.kind == "Quota" {
		word := map[string]string{"Patch": "merge", "Atomic": "atomic"}
		if len(p.def) > 0 {
			parts = append(parts, "defaults: "+fields(p.def, word[p.defStrategy]))
		}
		if len(p.ovr) > 0 {
			parts = append(parts, "overrides: "+fields(p.ovr, word[p.ovrStrategy]))
		}
		return strings.Join(parts, ", ")
	}
	parts = append(parts, "strategy: "+p.defStrategy)
	if len(p.def) > 0 {
		parts = append(parts, "default: "+fields(p.def, ""))
	}
	if len(p.ovr) > 0 {
		parts = append(parts, "override: "+fields(p.ovr, ""))
	}
	if len(p.bounds) > 0 {
		var list []string
		for _, f := range []string{"request", "backend", "idle"} {
			if b, ok := p.bounds[f]; ok {
				var ends []string
				if b[0] != "" {
					ends = append(ends, "min: "+b[0])
				}
				if b[1] != "" {
					ends = append(ends, "max: "+b[1])
				}
				list = append(list, f+": {"+strings.Join(ends, ", ")+"}")
			}
		}
		parts = append(parts, "bounds: {"+strings.Join(list, ", ")+"}")
	}
	return strings.Join(parts, ", ")
}
