package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/merge"
)

// gets returns the values of a route in words, by kind, except those that it states itself; values
// that differ by path are called mixed. A kind is named once, with its first value.
func gets(e *effective.Target) []string {
	type leaf struct{ kind, field string }
	values := map[leaf]string{}
	var order []leaf
	for _, scope := range e.Scopes {
		for _, m := range scope.Result.Kinds {
			for _, o := range m.Origins {
				if o.Block == merge.Inline && o.From == e.Target {
					continue
				}
				at := leaf{m.Kind.Name(), o.Path.String()}
				text, known := values[at]
				switch {
				case !known:
					order = append(order, at)
					values[at] = shown(&o)
				case text != shown(&o):
					values[at] = "mixed"
				}
			}
		}
	}
	slices.SortStableFunc(order, func(a, b leaf) int { return strings.Compare(a.kind, b.kind) })
	var parts []string
	last := ""
	for _, at := range order {
		text := at.field + " " + values[at]
		if at.kind != last {
			text = at.kind + " " + text
		}
		last = at.kind
		parts = append(parts, text)
	}
	return parts
}

// fitting lists as many as fit, but at least the first, and counts the others.
func fitting(parts []string, bytes int) string {
	for n := len(parts); n > 1; n-- {
		if text := prose.List(parts, n); len(text) <= bytes {
			return text
		}
	}
	return prose.List(parts, 1)
}

// sentence tells the changes of one route: "HTTPRoute shop/checkout: TimeoutPolicy request 60s →
// 30s (override of TimeoutPolicy infra/edge-ceiling)". Fields with a value come first, and a
// repeated kind or author is only named once. It has at most the given number of bytes, if
// possible.
func (v Verdict) sentence(changes []effective.Change, bytes int) string {
	ordered := slices.Clone(changes)
	slices.SortStableFunc(ordered, func(a, b effective.Change) int {
		switch {
		case a.Kind != b.Kind || (a.After == nil) == (b.After == nil):
			return strings.Compare(a.Kind, b.Kind)
		case a.After == nil:
			return 1
		}
		return -1
	})
	var parts []string
	var last said
	for _, c := range ordered {
		parts = append(parts, v.changeText(c, &last))
	}
	head := changes[0].Target.String() + ": "
	return head + fitting(parts, bytes-len(head))
}

// said is what the previous part of a sentence has named.
type said struct{ kind, author string }

// changeText returns one field before and after.
func (v Verdict) changeText(c effective.Change, last *said) string {
	by, verb := c.Before, "was "
	if c.After != nil {
		by, verb = c.After, ""
	}
	author := fmt.Sprintf(" (%s%s of %s", verb, by.Block, v.edit.MayRead.Name(by.From))
	if !by.ClampedBy.IsZero() {
		author += ", limited by " + v.edit.MayRead.Name(by.ClampedBy)
	}
	author += ")"
	if c.After == nil && v.deletes(by.From) { // the line names it
		author = ""
	}
	now := said{c.Kind, author}
	text := c.Path.String()
	if now.kind != last.kind {
		text = c.Kind + " " + text
	}
	if now == *last {
		author = ""
	}
	*last = now
	if !c.Rules.All {
		text = strings.Join(c.Rules.Names(), ",") + " " + text
	}
	return fmt.Sprintf("%s %s → %s%s", text, shown(c.Before), shown(c.After), author)
}

// deletes reports whether an object is part of the edit and does not exist after it.
func (v Verdict) deletes(object hierarchy.Ref) bool {
	ref, change, single := v.single()
	return single && change.New == nil && ref == object
}

func shown(o *effective.Origin) string {
	if o == nil {
		return "not set"
	}
	return text(o.Value)
}

// text returns a value as people write it.
func text(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case []any:
		parts := make([]string, len(value))
		for i, part := range value {
			parts[i] = text(part)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(data)
}
