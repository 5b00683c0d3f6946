package worlds

import "slices"

// places are everything that a policy names or selects, each once.
func (w *world) places(p pol) []target {
	var list []target
	for _, t := range p.targets {
		if !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	for _, t := range w.everything() {
		if w.selects(p, t) && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// everything is every object and every section that has a name.
func (w *world) everything() []target {
	var list []target
	for _, c := range classes {
		list = append(list, target{kind: "GatewayClass", name: c})
	}
	for _, n := range namespaces {
		list = append(list, target{kind: "Namespace", name: n})
	}
	add := func(t target, sections ...string) {
		list = append(list, t)
		for _, s := range sections {
			if t.section = s; s != "" && !slices.Contains(list, t) {
				list = append(list, t)
			}
		}
	}
	for _, g := range w.gateways {
		add(target{"Gateway", g.ns, g.name, ""}, listenerNames(g.listeners)...)
	}
	for _, s := range w.sets {
		add(target{"ListenerSet", s.ns, s.name, ""}, listenerNames(s.listeners)...)
	}
	for _, rt := range w.routes {
		add(target{rt.kind, rt.ns, rt.name, ""}, ruleNames(rt)...)
	}
	return list
}

func listenerNames(list []listener) (names []string) {
	for _, l := range list {
		names = append(names, l.name)
	}
	return names
}

func ruleNames(rt route) (names []string) {
	for _, rl := range rt.rules {
		names = append(names, rl.name)
	}
	return names
}

func (w *world) tierOf(t target) string {
	switch t.kind {
	case "GatewayClass", "Namespace":
		return w.tiers[t.name]
	case "Gateway":
		for _, g := range w.gateways {
			if g.ns == t.ns && g.name == t.name {
				return g.tier
			}
		}
	case "ListenerSet":
		for _, s := range w.sets {
			if s.ns == t.ns && s.name == t.name {
				return s.tier
			}
		}
	}
	for _, rt := range w.routes {
		if rt.kind == t.kind && rt.ns == t.ns && rt.name == t.name {
			return rt.tier
		}
	}
	return ""
}

// selects says whether a selector of the policy stands for a target. What is
// selected is there, has the section once, and is permitted.
func (w *world) selects(p pol, t target) bool {
	for _, s := range p.selectors {
		if s.kind != t.kind || s.section != t.section || (s.tier != "" && s.tier != w.tierOf(t)) {
			continue
		}
		if w.count(t) != 1 || !w.may(p, t) {
			continue
		}
		reached := t.ns == "" || t.ns == p.ns || s.from == "All" || (s.from == "Selector" && w.labels[t.ns] == "prod")
		if s.from == "Selector" && t.ns != "" {
			reached = w.labels[t.ns] == "prod" || t.ns == p.ns
		}
		if reached {
			return true
		}
	}
	return false
}

func names(p pol, t target) bool { return slices.Contains(p.targets, t) }

// may says whether a policy may attach to a target at all.
func (w *world) may(p pol, t target) bool {
	switch t.kind {
	case "GatewayClass":
		return p.ns == "infra"
	case "Namespace":
		return p.ns == "infra" || p.ns == t.name
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

// candidates are the policies of a kind that attach to a target at a level,
// in the order in which they hold it.
func (w *world) candidates(k kind, t target, level int) []pol {
	var list []pol
	for _, p := range w.policies {
		if p.kind != k.name || !w.may(p, t) || !(names(p, t) || w.selects(p, t)) {
			continue
		}
		if t.kind == "Namespace" && level > 0 && level != namespaceLevel(p, t) {
			continue
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b pol) int {
		if x, y := names(a, t), names(b, t); !k.byAge && x != y {
			if x {
				return -1
			}
			return 1
		}
		if before(a, b) {
			return -1
		}
		return 1
	})
	return list
}

func namespaceLevel(p pol, t target) int {
	if p.ns == t.name {
		return 5
	}
	return 4
}

// holders are the policies that apply at a target at a level.
func (w *world) holders(k kind, t target, level int) []pol {
	if w.count(t) != 1 {
		return nil
	}
	var held []pol
	for _, p := range w.candidates(k, t, level) {
		if w.heldAway(k, held, p) == nil {
			held = append(held, p)
		}
	}
	return held
}

// heldAway is the policy that keeps another one off a target that it holds.
func (w *world) heldAway(k kind, held []pol, p pol) *pol {
	for i := range held {
		switch k.conflict {
		case "merge":
			continue
		case "field":
			meet := false
			for path := range p.def {
				if _, both := held[i].def[path]; both {
					meet = true
				}
			}
			if !meet {
				continue
			}
		}
		return &held[i]
	}
	return nil
}

// before says which of two policies is the older.
func before(a, b pol) bool {
	x, y := a.created, b.created
	if x == 0 {
		x = 99
	}
	if y == 0 {
		y = 99
	}
	return x < y || (x == y && a.ns+"/"+a.name < b.ns+"/"+b.name)
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
	switch t.kind {
	case "GatewayClass":
		if slices.Contains(classes, t.name) {
			n = 1
		}
	case "Namespace":
		if slices.Contains(namespaces, t.name) {
			n = 1
		}
	case "Gateway":
		for _, g := range w.gateways {
			if g.ns == t.ns && g.name == t.name {
				sections(listenerNames(g.listeners))
			}
		}
	case "ListenerSet":
		for _, s := range w.sets {
			if s.ns == t.ns && s.name == t.name {
				sections(listenerNames(s.listeners))
			}
		}
	default:
		for _, rt := range w.routes {
			if rt.kind == t.kind && rt.ns == t.ns && rt.name == t.name {
				sections(ruleNames(rt))
			}
		}
	}
	return n
}

// reason is what became of a policy at a target that it names or selects.
func (w *world) reason(p pol, t target) string {
	k := kindOf(p.kind)
	switch n := w.count(t); {
	case !w.may(p, t):
		return "RefNotPermitted"
	case n == 0:
		return "TargetNotFound"
	case n > 1:
		return "Invalid"
	}
	level := 0
	if t.kind == "Namespace" {
		level = namespaceLevel(p, t)
	}
	var held []pol
	for _, other := range w.candidates(k, t, level) {
		holder := w.heldAway(k, held, other)
		switch {
		case other.ns+"/"+other.name != p.ns+"/"+p.name:
			if holder == nil {
				held = append(held, other)
			}
		case holder == nil:
			return "Accepted"
		case !names(p, t) && names(*holder, t):
			return "Overridden"
		default:
			return "Conflicted"
		}
	}
	return "not there"
}
