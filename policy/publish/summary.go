package publish

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/prose"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/merge"
)

// summary returns what the printer columns of an EffectivePolicy show. Policy kinds declare which
// of their values are included (annotation attache.dev/summary).
func summary(e *effective.Target) map[string]any {
	s := map[string]any{}
	for column, values := range columns(e) {
		if value := common(values); value != "" {
			s[column] = value
		}
	}
	s["target"] = e.Target.Kind + "/" + e.Target.Name
	s["scopes"] = int64(len(e.Scopes))
	s["constrained"] = constrained(e)
	var gateways, from []hierarchy.Ref
	for _, scope := range e.Scopes {
		for _, l := range scope.Parents {
			gateways = append(gateways, l.Gateway)
		}
		for _, m := range scope.Result.Kinds {
			for _, o := range m.Origins {
				from = append(from, o.From)
			}
		}
	}
	s["gateways"] = listed(gateways, hierarchy.Ref.Place)
	if len(from) > 0 {
		s["setBy"] = listed(from, policyText)
	}
	return s
}

// listed returns the names of some objects, each once.
func listed(refs []hierarchy.Ref, name func(hierarchy.Ref) string) string {
	slices.SortFunc(refs, hierarchy.Compare)
	var names []string
	for _, ref := range slices.Compact(refs) {
		names = append(names, name(ref))
	}
	return prose.List(names, 3)
}

// columns returns the values that kinds declare for a summary, on each scope.
func columns(e *effective.Target) map[string][]string {
	found := map[string][]string{}
	for i, scope := range e.Scopes {
		for _, m := range scope.Result.Kinds {
			for _, c := range m.Kind.Summary {
				column := strings.ToLower(c.Name)
				if found[column] == nil {
					found[column] = make([]string, len(e.Scopes))
				}
				if found[column][i] == "" {
					found[column][i] = shown(m, c.Field)
				}
			}
		}
	}
	return found
}

// common returns the value that all scopes share, or "mixed".
func common(values []string) string {
	for _, v := range values[1:] {
		if v != values[0] {
			return "mixed"
		}
	}
	return values[0]
}

// shown returns a value of an effective policy as written in a column: "off" if it is switched off,
// and "500, +2" with the number of further named values that are each taken whole.
func shown(m *effective.Policy, field crd.Path) string {
	value, isSet := valueAt(m.Value, field)
	parts := []string{}
	switch {
	case isOff(m, field, value):
		parts = append(parts, "off")
	case isSet:
		parts = append(parts, text(value))
	}
	if more := namedBeside(m, field); more > 0 {
		parts = append(parts, fmt.Sprintf("+%d", more))
	}
	return strings.Join(parts, ", ")
}

func valueAt(value any, at crd.Path) (any, bool) {
	for _, key := range at {
		object, isObject := value.(map[string]any)
		if !isObject {
			return nil, false
		}
		value = object[key]
	}
	return value, value != nil
}

// isOff reports whether a field is switched off: by the value that its kind declares for that, or
// because it is the number zero.
func isOff(m *effective.Policy, field crd.Path, value any) bool {
	if b := m.Kind.Bounded(field); b != nil && b.Off != nil {
		switch v, isSet := valueAt(m.Value, b.Off.Path); {
		case !isSet:
		case b.IsOff(v), !b.Own() && reflect.DeepEqual(v, b.Off.Value):
			return true
		}
	}
	return value != nil && (value == int64(0) || value == float64(0) || value == 0)
}

// namedBeside counts the named values, each taken whole, of a kind whose summary
// shows a value that is part of a group taken whole: the limits beside the one
// without a name.
func namedBeside(m *effective.Policy, field crd.Path) int {
	part := func(w crd.Whole) bool {
		return slices.ContainsFunc(w, func(p crd.Path) bool { return slices.Equal(p, field) })
	}
	if !slices.ContainsFunc(m.Kind.Whole, part) {
		return 0
	}
	count := 0
	for _, w := range m.Kind.Whole {
		if len(w) != 1 || len(w[0]) < 2 || w[0][len(w[0])-1] != crd.Any {
			continue
		}
		if named, _ := valueAt(m.Value, w[0][:len(w[0])-1]); named != nil {
			object, _ := named.(map[string]any)
			count += len(slices.Collect(maps.Keys(object)))
		}
	}
	return count
}

// constrained returns how policies above the route constrain it.
func constrained(e *effective.Target) string {
	overridden, bound := false, false
	isRoute := e.Target.GroupKind != hierarchy.GatewayKind
	above := func(l hierarchy.Level) bool { return !isRoute || l < hierarchy.RouteLevel }
	for _, scope := range e.Scopes {
		for _, m := range scope.Result.Kinds {
			for _, o := range m.Origins {
				overridden = overridden || o.Block == merge.Override && above(o.Level)
				bound = bound || o.Block == merge.Bound && above(o.Level) || !o.ClampedBy.IsZero() && attachedAbove(m, o.ClampedBy, e.Target)
			}
		}
	}
	switch {
	case overridden && bound:
		return "both"
	case overridden:
		return "override"
	case bound:
		return "bounds"
	}
	return "no"
}

// attachedAbove reports whether a policy is attached to something other than the target and its
// sections.
func attachedAbove(m *effective.Policy, by, target hierarchy.Ref) bool {
	for _, c := range m.Contributions() {
		if c.Attachment.Policy.Ref == by && (c.Attachment.Target.Object() != target || target.GroupKind == hierarchy.GatewayKind) {
			return true
		}
	}
	return false
}

// text returns a JSON value as people write it: a string without quotes.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(Compact(v))
}

// policyText returns an object that sets values, with its kind as results show it; a route with its
// own kind.
func policyText(ref hierarchy.Ref) string {
	if g := ref.GroupKind.Group; g != crd.Group && g != hierarchy.Group {
		ref.Kind += "." + g
	}
	return ref.String()
}
