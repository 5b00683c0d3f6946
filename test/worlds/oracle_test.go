package worlds

import (
	"fmt"
	"slices"
	"strings"
)

// facts is everything that is compared: what is in effect on every path, what
// became of every policy, how many routes each listener has.
type facts map[string]string

// spot is a listener with what is above it.
type spot struct {
	l                listener
	gateway          gateway
	set              *listenerSet
	holderNS, holder string
}

func (s spot) String() string {
	set := ""
	if s.set != nil {
		set = s.set.ns + "/" + s.set.name
	}
	return fmt.Sprintf("%s/%s|%s|%s", s.gateway.ns, s.gateway.name, set, s.l.name)
}

// oracle computes the facts of a world by plain loops.
func (w *world) oracle() facts {
	f := facts{}
	spots := w.spots()
	for _, s := range spots {
		f["attached "+s.String()] = "0"
	}
	attached := map[string]int{}
	for _, rt := range w.routes {
		for _, s := range spots {
			if !w.bound(rt, s) {
				continue
			}
			attached[s.String()]++
			f["attached "+s.String()] = fmt.Sprint(attached[s.String()])
			w.paths(f, rt, s)
		}
	}
	for _, p := range w.policies {
		for _, t := range w.places(p) {
			f[fmt.Sprintf("standing %s %s/%s on %v", p.kind, p.ns, p.name, t)] = w.reason(p, t)
		}
		for _, s := range p.selectors { // over classes, from where none may be targeted
			if s.kind == "GatewayClass" && p.ns != "infra" {
				f[fmt.Sprintf("standing %s %s/%s on %v", p.kind, p.ns, p.name, target{kind: "Namespace", name: p.ns})] = "RefNotPermitted"
			}
		}
	}
	return f
}

// spots are all listeners that serve: the Gateways' own, and those of
// ListenerSets that their Gateway admits.
func (w *world) spots() []spot {
	var list []spot
	for _, g := range w.gateways {
		for _, l := range g.listeners {
			list = append(list, spot{l: l, gateway: g, holderNS: g.ns, holder: "Gateway " + g.ns + "/" + g.name})
		}
		for i, s := range w.sets {
			if s.parentNS != g.ns || s.parent != g.name || !w.admits(g.sets, g.ns, s.ns) {
				continue
			}
			for _, l := range s.listeners {
				list = append(list, spot{l: l, gateway: g, set: &w.sets[i], holderNS: s.ns, holder: "ListenerSet " + s.ns + "/" + s.name})
			}
		}
	}
	return list
}

// admits is the namespaces.from gate; "" means None for ListenerSets, and for
// routes the caller has turned it into Same.
func (w *world) admits(from, holderNS, ns string) bool {
	switch from {
	case "All":
		return true
	case "Same":
		return holderNS == ns
	case "Selector":
		return w.labels[ns] == "prod"
	}
	return false
}

var protocolKinds = map[string][]string{
	"HTTP": {"HTTPRoute", "GRPCRoute"}, "HTTPS": {"HTTPRoute", "GRPCRoute"},
	"TLS": {"TLSRoute"}, "TCP": {"TCPRoute"}, "UDP": {"UDPRoute"},
}

func (w *world) bound(rt route, s spot) bool {
	named := false
	for _, p := range rt.parents {
		if p.kind+" "+p.ns+"/"+p.name == s.holder && (p.section == "" || p.section == s.l.name) && (p.port == 0 || p.port == s.l.port) {
			named = true
		}
	}
	from := s.l.from
	if from == "" {
		from = "Same"
	}
	fits := slices.Contains(protocolKinds[s.l.proto], rt.kind) || s.l.proto == "TLS" && s.l.mode == "Terminate" && rt.kind == "TCPRoute"
	kindOK := fits && (len(s.l.kinds) == 0 || slices.Contains(s.l.kinds, rt.kind))
	return named && kindOK && w.admits(from, s.holderNS, rt.ns) && hostsMeet(s.l, rt)
}

// hosts has a witness for every way in which the drawn patterns can meet.
var hosts = []string{"example.com", "a.example.com", "b.example.com", "x.a.example.com", "other.org", "z.org"}

func hostsMeet(l listener, rt route) bool {
	if rt.kind == "TCPRoute" || rt.kind == "UDPRoute" {
		return true
	}
	matches := func(pattern, host string) bool {
		if strings.HasPrefix(pattern, "*.") {
			return strings.HasSuffix(host, pattern[1:]) && host != pattern[2:]
		}
		return pattern == "" || pattern == host
	}
	patterns := rt.hosts
	if len(patterns) == 0 {
		patterns = []string{""}
	}
	for _, pattern := range patterns {
		for _, host := range hosts {
			if matches(pattern, host) && matches(l.host, host) {
				return true
			}
		}
	}
	return false
}

// paths computes what every rule of a route gets through a listener.
func (w *world) paths(f facts, rt route, s spot) {
	rules := rt.rules
	if len(rules) == 0 {
		rules = []rule{{}}
	}
	for i, rl := range rules {
		places := [8]target{
			0: {"GatewayClass", "", s.gateway.class, ""},
			1: {"Gateway", s.gateway.ns, s.gateway.name, ""},
			3: {"Gateway", s.gateway.ns, s.gateway.name, s.l.name},
			4: {"Namespace", "", rt.ns, ""},
			5: {"Namespace", "", rt.ns, ""},
			6: {rt.kind, rt.ns, rt.name, ""},
		}
		if s.set != nil {
			places[2] = target{"ListenerSet", s.set.ns, s.set.name, ""}
			places[3] = target{"ListenerSet", s.set.ns, s.set.name, s.l.name}
		}
		if rl.name != "" {
			places[7] = target{rt.kind, rt.ns, rt.name, rl.name}
		}
		for _, k := range kinds {
			p := pathOf{w: w, k: k, rt: rt, rl: rl, f: f, name: fmt.Sprintf("%s %s/%s|%s|%d|%s", rt.kind, rt.ns, rt.name, s, i, k.name)}
			for level, place := range places {
				if place.name != "" {
					p.held[level] = w.holders(k, place, level)
				}
			}
			p.compute()
		}
	}
}
