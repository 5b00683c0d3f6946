package worlds

import (
	"fmt"
	"slices"
	"strings"
)

// pathOf is one kind on one path.
type pathOf struct {
	w    *world
	k    kind
	rt   route
	rl   rule
	f    facts
	name string
	held [8][]pol

	layers []*layer
	acc    map[string]*layer // unit -> whose it is
	inline map[string]string
	atomic *layer // the last Atomic override met
	result map[string]*value
}

// layer is one block of one policy.
type layer struct {
	p        pol
	level    int
	order    int // the older of two policies of one level comes first
	override bool
	atomic   bool
	values   map[string]string
	// why and by say what removed the layer whole.
	why, by string
}

func (l *layer) from() string { return l.p.kind + " " + l.p.ns + "/" + l.p.name }

func (l *layer) block() string {
	if l.override {
		return "override"
	}
	return "default"
}

// strength orders layers: overrides downward, then defaults upward.
func (l *layer) strength() int {
	if l.override {
		return l.level*10 + l.order
	}
	return 1000 - l.level*10 - l.order
}

// value is a field with who set it.
type value struct {
	v, from, block    string
	holder            *layer // nil for inline and bound
	clampedBy, stated string
}

func (p *pathOf) unit(leaf string) string {
	for _, l := range p.k.leaves {
		if l.path == leaf && l.unit != "" {
			return l.unit
		}
	}
	return leaf
}

// applies is the table of semantics section 8 for our kinds.
func (p *pathOf) applies(leaf string) bool {
	http := p.rt.kind == "HTTPRoute" || p.rt.kind == "GRPCRoute"
	switch p.k.name {
	case "TimeoutPolicy":
		return http || leaf == "idle"
	case "RateLimitPolicy":
		return http
	}
	return true
}

func (p *pathOf) compute() {
	p.acc, p.result = map[string]*layer{}, map[string]*value{}
	for level, list := range p.held {
		for order, q := range list {
			for _, override := range []bool{true, false} {
				values, word := q.def, q.defWord
				if override {
					values, word = q.ovr, q.ovrWord
				}
				p.add(&layer{p: q, level: level, order: order, override: override, atomic: p.atomicWord(word), values: values})
			}
		}
	}
	if p.k.challenger {
		p.challenge()
	}
	p.fold()
	p.applyInline()
	p.settle()
	p.bound()
	p.atMost()
	for leaf, v := range p.result {
		p.f[p.name+"."+leaf] = fmt.Sprintf("%s by %s of %s clamped by %q", v.v, v.block, v.from, v.clampedBy)
	}
}

func (p *pathOf) atomicWord(word string) bool {
	switch {
	case word == "" || (p.k.wordInSpec() && !slices.Contains(p.k.patch, word)):
		return p.k.fallback == "Atomic" || word != "" && p.k.fallback == "Patch" && word == "Atomic"
	}
	return !slices.Contains(p.k.patch, word)
}

// add takes a layer in, without what does not apply to the kind of route and
// without a limit that is incomplete.
func (p *pathOf) add(l *layer) {
	values := map[string]string{}
	for leaf, v := range l.values {
		if p.applies(leaf) {
			values[leaf] = v
		} else if v != "null" {
			p.lose(l, leaf, v, "NotApplicable", "")
		}
	}
	if p.k.challenger && !l.override && l.p.defWord != "" && !slices.Contains(p.k.patch, l.p.defWord) {
		values[p.k.word] = l.p.defWord // a word that is in no table is the vendor's own field
	}
	if p.k.name == "RateLimitPolicy" && values["requestsPerSecond"] == "" && values["mode"] != "Disabled" {
		for _, leaf := range []string{"burst", "key", "counter", "mode"} {
			if v, has := values[leaf]; has {
				delete(values, leaf)
				p.lose(l, leaf, v, "Incomplete", "")
			}
		}
	}
	if l.values = values; len(values) > 0 {
		p.layers = append(p.layers, l)
	}
}

// understood says whether the word of a challenger's kind stands at a level
// where it may, and is one.
func (p *pathOf) understood(l *layer) bool {
	return slices.Contains(p.k.patch, l.p.defWord) && slices.Contains(p.k.at, l.level)
}

// challenge: the most specific policy applies, alone or put on one other.
func (p *pathOf) challenge() {
	if len(p.layers) == 0 {
		return
	}
	for _, l := range p.layers {
		l.atomic = true
	}
	lowest := p.layers[len(p.layers)-1]
	if !p.understood(lowest) {
		return
	}
	for i := len(p.layers) - 2; i >= 0; i-- {
		if slices.Contains(p.k.with, p.layers[i].level) {
			p.layers[i].atomic = false
			return
		}
	}
}

// fold goes from the most specific level up; of one policy the default first.
func (p *pathOf) fold() {
	var met []*layer
	for i := len(p.layers) - 1; i >= 0; i-- {
		l := p.layers[i]
		switch {
		case l.override && l.atomic:
			for _, below := range met {
				below.why, below.by = "AtomicOverride", l.from()
			}
			met, p.acc, p.atomic = nil, map[string]*layer{}, l
			p.take(l, true)
		case l.override:
			p.take(l, true)
		case len(met) > 0 && l.atomic:
			l.why, l.by = "AtomicDefault", met[len(met)-1].from()
			continue
		default:
			p.take(l, false)
		}
		met = append(met, l)
	}
}

func (p *pathOf) take(l *layer, wins bool) {
	for leaf := range l.values {
		if unit := p.unit(leaf); wins || p.acc[unit] == nil || p.acc[unit] == l {
			p.acc[unit] = l
		}
	}
}

func (p *pathOf) applyInline() {
	p.inline = map[string]string{}
	if !p.k.inline {
		return
	}
	for leaf, v := range map[string]string{"request": p.rl.request, "backend": p.rl.backend} {
		holder := p.acc[leaf]
		switch {
		case v == "":
		case p.atomic != nil:
			if holder == nil || !holder.override || holder.values[leaf] == "null" {
				p.loseInline(leaf, v, "AtomicOverride", p.atomic.from())
			}
		case holder == nil || !holder.override:
			p.inline[leaf] = v
		case holder.values[leaf] == "null":
			p.loseInline(leaf, v, "Null", holder.from())
		}
	}
}

func (p *pathOf) route() string { return p.rt.kind + " " + p.rt.ns + "/" + p.rt.name }

// settle writes down what stands, what it beat, and what is lost.
func (p *pathOf) settle() {
	for leaf, v := range p.inline {
		p.result[leaf] = &value{v: v, from: p.route(), block: "inline"}
	}
	for _, l := range p.layers {
		for leaf, v := range l.values {
			if p.acc[p.unit(leaf)] == l && p.inline[leaf] == "" && v != "null" {
				p.result[leaf] = &value{v: v, from: l.from(), block: l.block(), holder: l}
			}
		}
	}
	for leaf, v := range p.result {
		p.f[p.name+"."+leaf+" beats"] = p.beaten(leaf, v)
	}
	for _, l := range p.layers {
		for leaf, v := range l.values {
			winner, set := p.result[leaf]
			holder := p.acc[p.unit(leaf)]
			switch {
			case v == "null" || (set && winner.holder == l):
			case set && (winner.block == "inline" && !l.override || winner.holder != nil && winner.holder.strength() < l.strength()):
			case l.why != "":
				p.lose(l, leaf, v, l.why, l.by)
			case holder.values[leaf] == "null":
				p.lose(l, leaf, v, "Null", holder.from())
			default:
				p.lose(l, leaf, v, "Whole", holder.from())
			}
		}
	}
}

// beaten lists the weaker ones that state a leaf, the strongest first.
func (p *pathOf) beaten(leaf string, winner *value) string {
	var weaker []*layer
	for _, l := range p.layers {
		if v, states := l.values[leaf]; states && v != "null" && l != winner.holder {
			if winner.block == "inline" && !l.override || winner.holder != nil && winner.holder.strength() < l.strength() {
				weaker = append(weaker, l)
			}
		}
	}
	slices.SortFunc(weaker, func(a, b *layer) int { return a.strength() - b.strength() })
	var names []string
	for _, l := range weaker {
		names = append(names, l.from()+" ("+l.block()+")")
	}
	if v := map[string]string{"request": p.rl.request, "backend": p.rl.backend}[leaf]; p.k.inline && v != "" && winner.block == "override" {
		at := 0
		for at < len(weaker) && weaker[at].override {
			at++
		}
		names = slices.Insert(names, at, p.route()+" (inline)")
	}
	return strings.Join(names, ", ")
}

func (p *pathOf) lose(l *layer, leaf, v, why, by string) {
	p.f[fmt.Sprintf("%s.%s not set: %s %s %d", p.name, leaf, l.from(), l.block(), l.level)] = v + " " + why + " " + by
}

func (p *pathOf) loseInline(leaf, v, why, by string) {
	p.f[fmt.Sprintf("%s.%s not set: %s inline 7", p.name, leaf, p.route())] = v + " " + why + " " + by
}
