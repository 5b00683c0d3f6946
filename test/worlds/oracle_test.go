package worlds

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
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
		for i, t := range p.targets {
			if !slices.Contains(p.targets[:i], t) {
				f[fmt.Sprintf("standing %s %s/%s on %v", p.kind, p.ns, p.name, t)] = w.reason(p, t)
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

// value is a field with who set it.
type value struct {
	v, from, block string
	level          int
	clampedBy      string
}

func (w *world) paths(f facts, rt route, s spot) {
	rules := rt.rules
	if len(rules) == 0 {
		rules = []rule{{}}
	}
	for i, rl := range rules {
		places := [6]target{
			{"GatewayClass", "", s.gateway.class, ""},
			{"Gateway", s.gateway.ns, s.gateway.name, ""},
		}
		places[3] = target{"Gateway", s.gateway.ns, s.gateway.name, s.l.name}
		if s.set != nil {
			places[2] = target{"ListenerSet", s.set.ns, s.set.name, ""}
			places[3] = target{"ListenerSet", s.set.ns, s.set.name, s.l.name}
		}
		places[4] = target{rt.kind, rt.ns, rt.name, ""}
		if rl.name != "" {
			places[5] = target{rt.kind, rt.ns, rt.name, rl.name}
		}
		for _, kind := range []string{"TimeoutPolicy", "Quota"} {
			for field, v := range w.effective(kind, rt, rl, places) {
				f[fmt.Sprintf("%s %s/%s|%s|%d|%s.%s", rt.kind, rt.ns, rt.name, s, i, kind, field)] =
					fmt.Sprintf("%s by %s of %s clamped by %q", v.v, v.block, v.from, v.clampedBy)
			}
		}
	}
}

// effective folds from the most specific end.
func (w *world) effective(kind string, rt route, rl rule, places [6]target) map[string]value {
	var held [6]*pol
	for level, place := range places {
		if place.name != "" {
			held[level] = w.holder(kind, place)
		}
	}
	var acc map[string]value
	meet := func(values map[string]string, atomic, override bool, from, block string, level int) {
		if len(values) == 0 {
			return
		}
		layer := map[string]value{}
		for field, v := range values {
			layer[field] = value{v: v, from: from, block: block, level: level}
		}
		switch {
		case acc == nil || (override && atomic):
			acc = layer
		case override:
			acc = over(acc, layer)
		case !atomic:
			acc = over(layer, acc)
		}
	}
	if kind == "TimeoutPolicy" {
		inline := map[string]string{}
		if rl.request != "" {
			inline["request"] = rl.request
		}
		if rl.backend != "" {
			inline["backend"] = rl.backend
		}
		meet(inline, false, false, rt.kind+" "+rt.ns+"/"+rt.name, "inline", 5)
	}
	for level := 5; level >= 0; level-- {
		if p := held[level]; p != nil {
			meet(p.def, p.defStrategy == "Atomic", false, kind+" "+p.ns+"/"+p.name, "default", level)
		}
	}
	for level := 5; level >= 0; level-- {
		if p := held[level]; p != nil {
			meet(p.ovr, p.ovrStrategy == "Atomic", true, kind+" "+p.ns+"/"+p.name, "override", level)
		}
	}
	result := map[string]value{}
	for _, field := range []string{"request", "backend", "idle"} {
		if kind == "TimeoutPolicy" && !timeoutApplies(rt.kind, field) {
			continue
		}
		v, set := acc[field]
		if v, set = bounded(kind, held, field, v, set); set {
			result[field] = v
		}
	}
	return result
}

func over(below, above map[string]value) map[string]value {
	merged := map[string]value{}
	for k, v := range below {
		merged[k] = v
	}
	for k, v := range above {
		merged[k] = v
	}
	return merged
}

func timeoutApplies(kind, field string) bool {
	return kind == "HTTPRoute" || kind == "GRPCRoute" || field == "idle"
}

// seconds reads a duration; 0s is off, which is longer than everything.
func seconds(text string) float64 {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	if d == 0 {
		return math.Inf(1)
	}
	return d.Seconds()
}

func bounded(kind string, held [6]*pol, field string, v value, set bool) (value, bool) {
	low, high, lowBy, highBy := "", "", "", ""
	for level, p := range held {
		if p == nil {
			continue
		}
		b, has := p.bounds[field]
		if !has || (set && v.block == "override" && v.level < level) {
			continue
		}
		name := kind + " " + p.ns + "/" + p.name
		if (b[0] != "" && high != "" && seconds(b[0]) > seconds(high)) || (b[1] != "" && low != "" && seconds(b[1]) < seconds(low)) {
			continue // contradicts a higher level
		}
		if b[0] != "" && (low == "" || seconds(b[0]) > seconds(low)) {
			low, lowBy = b[0], name
		}
		if b[1] != "" && (high == "" || seconds(b[1]) < seconds(high)) {
			high, highBy = b[1], name
		}
	}
	switch {
	case !set && high == "":
		return v, false
	case !set:
		return value{v: high, from: highBy, block: "bound"}, true
	case high != "" && seconds(v.v) > seconds(high):
		v.v, v.clampedBy = high, highBy
	case low != "" && seconds(v.v) < seconds(low):
		v.v, v.clampedBy = low, lowBy
	}
	return v, true
}

// holder is the oldest policy of a kind that may name a target, if the target
// is not ambiguous.
func (w *world) holder(kind string, t target) *pol {
	if w.count(t) > 1 {
		return nil
	}
	return w.oldest(kind, t)
}

func (w *world) oldest(kind string, t target) *pol {
	var best *pol
	for i := range w.policies {
		p := &w.policies[i]
		if p.kind == kind && slices.Contains(p.targets, t) && w.may(*p, t) && (best == nil || before(p, best)) {
			best = p
		}
	}
	return best
}

func before(a, b *pol) bool {
	x, y := a.created, b.created
	if x == 0 {
		x = 99
	}
	if y == 0 {
		y = 99
	}
	return x < y || (x == y && a.ns+"/"+a.name < b.ns+"/"+b.name)
}

func (w *world) may(p pol, t target) bool {
	if t.kind == "GatewayClass" {
		return p.ns == "infra"
	}
	if p.ns == t.ns {
		return true
	}
	for _, g := range w.grants {
		if g.ns == t.ns && g.fromKind == p.kind && g.fromNS == p.ns && g.toKind == t.kind && (g.toName == "" || g.toName == t.name) {
			return true
		}
	}
	return false
}

// count is how many things a target names.
func (w *world) count(t target) int {
	n := 0
	sections := func(list []string) {
		for _, s := range list {
			if t.section == "" || s == t.section {
				n++
			}
		}
		if t.section == "" {
			n = 1
		}
	}
	names := func(ls []listener) (list []string) {
		for _, l := range ls {
			list = append(list, l.name)
		}
		return list
	}
	switch t.kind {
	case "GatewayClass":
		if t.name == "edge" || t.name == "inner" {
			n = 1
		}
	case "Gateway":
		for _, g := range w.gateways {
			if g.ns == t.ns && g.name == t.name {
				sections(names(g.listeners))
			}
		}
	case "ListenerSet":
		for _, s := range w.sets {
			if s.ns == t.ns && s.name == t.name {
				sections(names(s.listeners))
			}
		}
	default:
		for _, rt := range w.routes {
			if rt.kind == t.kind && rt.ns == t.ns && rt.name == t.name {
				var list []string
				for _, rl := range rt.rules {
					list = append(list, rl.name)
				}
				sections(list)
			}
		}
	}
	return n
}

func (w *world) reason(p pol, t target) string {
	switch n := w.count(t); {
	case !w.may(p, t):
		return "RefNotPermitted"
	case n == 0:
		return "TargetNotFound"
	case n > 1:
		return "Invalid"
	}
	if first := w.oldest(p.kind, t); first.ns != p.ns || first.name != p.name {
		return "Conflicted"
	}
	return "Accepted"
}
