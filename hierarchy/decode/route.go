package decode

import (
	"slices"
	"strconv"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/hierarchy/injected"
)

func decodeRoute(r *reader, meta hierarchy.Meta, object map[string]any) hierarchy.Object {
	if injected.Writable(meta.Ref.GroupKind.Group, meta.Ref.Kind) {
		// The engine reads what the owner wrote, never what we put there (E8.4).
		object = injected.OwnObject(object)
	}
	before := len(r.problems)
	r.pathless = true
	route := r.route(meta, object)
	if r.pathless = false; len(r.problems) > before {
		r.problems = r.problems[:before]
		route = r.route(meta, object)
	}
	return route
}

func (r *reader) route(meta hierarchy.Meta, object map[string]any) *hierarchy.Route {
	spec := r.object(object, "", "spec")
	route := &hierarchy.Route{
		Parents:            r.parents(spec),
		Hostnames:          r.texts(spec, "spec", "hostnames"),
		UseDefaultGateways: r.text(spec, "spec", "useDefaultGateways", ""),
	}
	*route.Meta() = meta
	for i, h := range route.Hostnames {
		route.Hostnames[i] = canonical(h)
	}
	if list, _ := spec["rules"].([]any); len(list) > 0 {
		route.Rules = make([]hierarchy.Rule, 0, len(list))
	}
	for rule := range r.items(spec, "spec", "rules") {
		route.Rules = append(route.Rules, r.rule(rule))
	}
	if hierarchy.HasDefaultRule(meta.Ref.GroupKind) && spec["rules"] == nil {
		route.Rules = []hierarchy.Rule{{Matches: r.matches(item{})}}
	}
	return route
}

// parents reads spec.parentRefs, defaulted (R3) and without repetition. Two parentRefs are the same
// when their resolved forms are equal: CEL cannot see the route's own namespace (R10).
func (r *reader) parents(spec map[string]any) []hierarchy.ParentRef {
	list := r.list(spec, "spec", "parentRefs")
	if len(list) == 0 {
		return nil
	}
	parents := make([]hierarchy.ParentRef, 0, len(list))
	for p := range r.items(spec, "spec", "parentRefs") {
		ref, ok := r.reference(p.fields, p.path, defaults{hierarchy.Group, "Gateway", r.ref.Namespace})
		if !ok {
			continue
		}
		ref.Section = canonical(r.text(p.fields, p.path, "sectionName", ""))
		parent := hierarchy.ParentRef{Ref: ref, Port: r.port(p.fields, p.path, "port"), Index: p.index}
		if !slices.ContainsFunc(parents, parent.Same) {
			parents = append(parents, parent)
		}
	}
	return parents
}

func (r *reader) rule(from item) hierarchy.Rule {
	if r.pathless && hasFilters(from.fields) {
		// What filters refer to is kept with the path.
		r.pathless, from.path = false, "spec.rules["+strconv.Itoa(from.index)+"]"
		defer func() { r.pathless = true }()
	}
	rule := hierarchy.Rule{Name: canonical(r.text(from.fields, from.path, "name", ""))}
	for key, value := range from.fields {
		switch key {
		case "name", "matches", "filters", "backendRefs":
			continue
		}
		if value == nil {
			continue // the same as absent
		}
		if rule.Inline == nil {
			rule.Inline = make(map[string]any)
		}
		rule.Inline[key] = injected.CopyJSON(value)
	}
	rule.Matches = r.matches(from)
	if rule.Name == "" {
		rule.Hash = injected.MatchesHash(from.fields)
	}
	rule.Filters = r.filters(&rule, from.fields, from.path)
	for backend := range r.items(from.fields, from.path, "backendRefs") {
		before := len(rule.Backends)
		rule.Backends = r.appendReference(rule.Backends, backend.fields, backend.path, "Service")
		filters := r.filters(&rule, backend.fields, backend.path)
		if len(rule.Backends) > before {
			if r.pathless {
				rule.Backends[before].Field = backendPath(from.index, backend.index)
			}
			forward := r.forward(backend, before)
			forward.Filters = filters
			rule.Forwards = append(rule.Forwards, forward)
		}
	}
	return rule
}

// hasFilters reports whether a rule or one of its backends has filters.
func hasFilters(rule map[string]any) bool {
	if rule["filters"] != nil {
		return true
	}
	backends, _ := rule["backendRefs"].([]any)
	return slices.ContainsFunc(backends, func(b any) bool {
		backend, _ := b.(map[string]any)
		return backend["filters"] != nil
	})
}

func backendPath(rule, backend int) string {
	return "spec.rules[" + strconv.Itoa(rule) + "].backendRefs[" + strconv.Itoa(backend) + "]"
}

// filters reads spec.rules[].filters, or one backendRef's filters, and enters what they refer to
// with the rule: mirrors and external authorization go to backends (R43), and an ExtensionRef goes
// to an object that the implementation knows.
func (r *reader) filters(rule *hierarchy.Rule, from map[string]any, path string) []hierarchy.Filter {
	var filters []hierarchy.Filter
	for filter := range r.items(from, path, "filters") {
		filters = append(filters, r.filter(filter))
		for _, key := range [...]string{"requestMirror", "externalAuth"} {
			object := r.object(filter.fields, filter.path, key)
			backend := r.object(object, r.join(filter.path, key), "backendRef")
			if backend == nil {
				continue
			}
			field := r.join(r.join(filter.path, key), "backendRef")
			rule.Backends = r.appendReference(rule.Backends, backend, field, "Service")
		}
		if extension := r.object(filter.fields, filter.path, "extensionRef"); extension != nil {
			rule.Extensions = r.appendReference(rule.Extensions, extension, r.join(filter.path, "extensionRef"), "")
		}
	}
	return filters
}
