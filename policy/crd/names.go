package crd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy/prose"
)

// checkNames removes every name that the schema of the block does not have, and every name that
// contradicts another, with a fault for each (semantics section 2).
func (d *Definition) checkNames() {
	c := checker{d: d, block: d.BlockSchema()}
	d.Whole = filter(d.Whole, func(w Whole) bool {
		return !slices.ContainsFunc(w, func(p Path) bool { return !c.exists(PropertyWhole, p) })
	})
	d.AtMost = filter(d.AtMost, func(a AtMost) bool {
		return c.exists(PropertyAtMost, a.Field) && c.exists(PropertyAtMost, a.Limit)
	})
	d.Bounds = filter(d.Bounds, func(b BoundedField) bool {
		return c.exists(PropertyBounds, b.Field) && (b.Off == nil || len(b.Off.Switch) == 0 || c.exists(PropertyBounds, b.Off.Switch))
	})
	d.StatedBy = filter(d.StatedBy, func(p Path) bool { return c.exists(PropertyStatedBy, p) })
	d.Summary = filter(d.Summary, func(s SummaryValue) bool { return c.exists(PropertySummary, s.Field) })
	if d.Inline != nil {
		inline := make(map[string][]InlineField, len(d.Inline))
		for _, route := range sortedKeys(d.Inline) {
			inline[route] = filter(d.Inline[route], func(f InlineField) bool { return c.exists(PropertyInline, f.Field) && c.single(f) })
		}
		d.Inline = inline
	}
	if d.AppliesTo != nil {
		applies := make(map[string][]Path, len(d.AppliesTo))
		for _, route := range sortedKeys(d.AppliesTo) {
			applies[route] = filter(d.AppliesTo[route], func(p Path) bool {
				return slices.Equal(p, Path{Any}) || c.exists(PropertyAppliesTo, p)
			})
		}
		d.AppliesTo = applies
	}
	c.atMost()
}

// filter keeps the valid entries. nil stays nil, so that "not declared" stays different from "all
// of it was wrong". The given list is not changed: a profile shares it.
func filter[E any](list []E, right func(E) bool) []E {
	if list == nil {
		return nil
	}
	kept := make([]E, 0, len(list))
	for _, e := range list {
		if right(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

type checker struct {
	d     *Definition
	block Schema
}

func (c checker) fault(p Property, name, message string) {
	field := "profile." + string(p)
	if c.d.Sources[p] == SourceAnnotation {
		field = "metadata.annotations[" + p.Annotation() + "]"
	}
	c.d.Faults = append(c.d.Faults, Fault{Field: field, Name: name, Message: message})
}

// exists checks one name against the schema.
func (c checker) exists(p Property, path Path) bool {
	if c.block.Has(path) {
		return true
	}
	message := "the schema has no such field"
	if near, ok := prose.Closest(path[0], c.block.Fields()); ok && len(path) == 1 {
		message += fmt.Sprintf(": did you mean %s?", near)
	}
	c.fault(p, path.String(), message)
	return false
}

// single checks that an inline value is a field of its own: a field inside a value that is taken
// whole could not be replaced alone (semantics section 5).
func (c checker) single(f InlineField) bool {
	for _, w := range c.d.Whole {
		for _, p := range w {
			if p.Covers(f.Field) && (len(w) > 1 || len(f.Field) > len(p)) {
				c.fault(PropertyInline, f.Field.String(), fmt.Sprintf("it is part of %s, which is taken whole", w))
				return false
			}
		}
	}
	return true
}

// String returns the value as it is written in the annotation.
func (w Whole) String() string {
	names := make([]string, len(w))
	for i, p := range w {
		names[i] = p.String()
	}
	return strings.Join(names, "+")
}

// atMost removes pairs that close a cycle, and fields that cannot be compared.
func (c checker) atMost() {
	limits := map[string]string{}
	c.d.AtMost = filter(c.d.AtMost, func(a AtMost) bool {
		field, limit := a.Field.String(), a.Limit.String()
		if x, y := c.d.boundType(a.Field), c.d.boundType(a.Limit); x == "" || x != y || x == TextBound {
			c.fault(PropertyAtMost, field, fmt.Sprintf("%s and %s have no type in common: give both the same one in %s", field, limit, PropertyBounds.Annotation()))
			return false
		}
		for at, ok := limit, true; ok; at, ok = limits[at] {
			if at == field {
				c.fault(PropertyAtMost, field, "it would limit itself")
				return false
			}
		}
		limits[field] = limit
		return true
	})
}

func (d *Definition) boundType(p Path) BoundType {
	for _, b := range d.Bounds {
		if slices.Equal(b.Field, p) {
			return b.Type
		}
	}
	return ""
}
