package worlds

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// stands is a bound in its place.
type stands struct {
	bound
	level int
	from  string
	infra bool
}

// size reads a value for comparison; off is more than everything.
func (f boundField) size(v string) float64 {
	if f.typ == "duration" {
		d, err := time.ParseDuration(v)
		if err != nil {
			panic(err)
		}
		if v == f.off {
			return math.Inf(1)
		}
		return d.Seconds()
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil {
		panic(err)
	}
	return n
}

const head = "requestsPerSecond"

func (p *pathOf) bound() {
	for _, f := range p.k.bounded {
		if p.applies(f.leaf) {
			p.boundField(f)
		}
	}
}

// boundField: off, oneOf, max, min, filling.
func (p *pathOf) boundField(f boundField) {
	inLimit := p.unit(f.leaf) == "limit"
	if inLimit && f.leaf != head && p.result[head] == nil {
		return
	}
	v := p.result[f.leaf]
	var off *value // the winner is switched off by another field
	if f.leaf == head {
		if mode := p.result["mode"]; mode != nil && mode.v == "Disabled" {
			off = mode
		}
	}
	winner := v
	if off != nil {
		winner = off
	}
	var low, high *stands
	var lists []stands
	var allowed []string
	for _, b := range p.boundsOn(f, winner) {
		if len(b.oneOf) > 0 {
			both := b.oneOf
			if lists != nil {
				both = nil
				for _, x := range allowed {
					if slices.Contains(b.oneOf, x) {
						both = append(both, x)
					}
				}
			}
			if len(both) > 0 {
				lists, allowed = append(lists, b), both
			}
			continue
		}
		if (b.min != "" && high != nil && f.size(b.min) > f.size(high.max)) || (b.max != "" && low != nil && f.size(b.max) < f.size(low.min)) {
			continue // contradicts a higher level
		}
		if b.min != "" && (low == nil || f.size(b.min) > f.size(low.min)) {
			low = &b
		}
		if b.max != "" && (high == nil || f.size(b.max) < f.size(high.max)) {
			high = &b
		}
	}
	// excludes is the highest list that does not have a value.
	excludes := func(v string) *stands {
		for i := range lists {
			if !slices.Contains(lists[i].oneOf, v) {
				return &lists[i]
			}
		}
		return nil
	}
	clamp := func(to string, by *stands) {
		if v.stated == "" {
			v.stated = v.v
		}
		v.v, v.clampedBy = to, by.from
	}
	if off != nil && high != nil {
		delete(p.result, "mode")
		delete(p.f, p.name+".mode beats")
		p.f[fmt.Sprintf("%s.mode not set: %s %s %d", p.name, off.from, off.block, off.holder.level)] = "Disabled Bounds " + high.from
		for _, l := range p.layers { // those that it beat are not set either
			if l.values["mode"] != "" && l.strength() > off.holder.strength() {
				p.lose(l, "mode", l.values["mode"], "Whole", off.from)
			}
		}
		switch {
		case v == nil || f.size(v.v) > f.size(high.max):
			beats := p.f[p.name+"."+f.leaf+" beats"]
			if v == nil {
				v = &value{from: off.from, block: off.block, holder: off.holder}
				beats = p.beaten(f.leaf, v)
				for _, l := range p.layers {
					if l.values[f.leaf] != "" && l.strength() > off.holder.strength() {
						delete(p.f, fmt.Sprintf("%s.%s not set: %s %s %d", p.name, f.leaf, l.from(), l.block(), l.level))
					}
				}
			}
			v.v = high.max
			p.result[f.leaf] = v
			p.f[p.name+"."+f.leaf+" beats"] = beats
		}
		v.stated, v.clampedBy = "mode: Disabled", high.from
	}
	fill := func(to string, by *stands) {
		p.result[f.leaf] = &value{v: to, from: by.from, block: "bound"}
		p.f[p.name+"."+f.leaf+" beats"] = ""
	}
	switch {
	case v == nil && f.absent != "" && excludes(f.absent) != nil:
		fill(allowed[0], excludes(f.absent))
	case v == nil && high != nil && off == nil:
		fill(high.max, high)
	case v == nil:
	default:
		if by := excludes(v.v); by != nil {
			clamp(allowed[0], by)
		}
		if high != nil && f.size(v.v) > f.size(high.max) {
			clamp(high.max, high)
		} else if low != nil && f.size(v.v) < f.size(low.min) {
			clamp(low.min, low)
		}
	}
}

// boundsOn are the bounds that apply to a field whose winner is known, from the
// GatewayClass down.
func (p *pathOf) boundsOn(f boundField, winner *value) []stands {
	var list []stands
	for level, held := range p.held {
		for _, q := range held {
			b, has := q.bounds[f.leaf]
			if !has {
				continue
			}
			x := stands{b, level, q.kind + " " + q.ns + "/" + q.name, q.ns == "infra"}
			yields := func(l *layer) bool { return l.override && l.level < level && (!x.infra || l.p.ns == "infra") }
			if winner != nil && winner.holder != nil && yields(winner.holder) {
				continue
			}
			if slices.ContainsFunc(p.layers, func(l *layer) bool { return l.atomic && yields(l) }) {
				continue
			}
			list = append(list, x)
		}
	}
	return list
}

func (p *pathOf) atMost() {
	for i := len(p.k.atMost) - 2; i >= 0; i-- {
		first, second := p.result[p.k.atMost[i]], p.result[p.k.atMost[i+1]]
		if first == nil || second == nil {
			continue
		}
		f := p.k.bounded[slices.IndexFunc(p.k.bounded, func(f boundField) bool { return f.leaf == p.k.atMost[i] })]
		if f.size(first.v) > f.size(second.v) {
			first.v, first.clampedBy = second.v, second.from
		}
	}
}
