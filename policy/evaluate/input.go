package evaluate

import (
	"maps"
	"slices"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/guardrail"
)

// input assembles the document for one path. For the state before the edit, effective and before
// are the same.
func (x *Evaluator) input(uses guardrail.Variables, p path, asBefore bool) guardrail.Input {
	in := guardrail.Input{}
	maps.Copy(in, x.Edit)
	result, route, s := p.pair.After, p.route, x.After
	if asBefore {
		result, route, s = p.pair.Before, p.old, x.Before
		undo(in)
	}
	graph := s.Graph()
	if uses&guardrail.Effective != 0 {
		in["effective"] = effectiveInput(result)
	}
	if uses&guardrail.Origins != 0 {
		in["origins"] = originsInput(result)
	}
	if uses&guardrail.Before != 0 && p.pair.Before != nil {
		in["before"] = effectiveInput(p.pair.Before)
	}
	if uses&guardrail.Route != 0 {
		in["route"] = routeInput(route)
	}
	if uses&guardrail.RouteRule != 0 {
		in["rule"] = ruleInput(route, p.rule)
	}
	if uses&guardrail.Listener != 0 {
		in["listener"] = listenerInput(p.listener)
	}
	if uses&guardrail.Gateway != 0 {
		in["gateway"] = named(graph, p.listener.Gateway, map[string]any{"gatewayClassName": p.listener.Class.Name})
	}
	if uses&guardrail.GatewayClass != 0 {
		more := map[string]any{}
		if object, ok := graph.Get(p.listener.Class); ok {
			more["controllerName"] = object.(*hierarchy.GatewayClass).Controller
		}
		in["gatewayClass"] = named(graph, p.listener.Class, more)
	}
	if uses&guardrail.Namespace != 0 {
		in["namespace"] = map[string]any{"name": p.target.Namespace, "labels": labelsInput(graph.NamespaceLabels(p.target.Namespace))}
	}
	if uses&guardrail.Outcomes != 0 {
		in["enforcement"] = x.outcomesInput(p, route, asBefore)
	}
	return in
}

// PathInput returns the document that rules see for one path of a snapshot, without an edit. The
// index of rule is -1 for a route without rules. outcomes may be nil.
func PathInput(s *policy.Snapshot, uses guardrail.Variables, route *hierarchy.Route, l *hierarchy.Listener, rule hierarchy.RuleRef, result *effective.PathPolicies, outcomes Outcomes) guardrail.Input {
	x := Of(s, nil, nil)
	in := x.input(uses, path{target: route.Meta().Ref, route: route, pair: effective.Pair{After: result}, listener: l, rule: rule}, false)
	if uses&guardrail.Outcomes != 0 && outcomes != nil {
		in["enforcement"] = outcomes(l, max(rule.Index, 0))
	}
	return in
}

// undo replaces the part about the edit by one that changes nothing. Otherwise a violation of the
// edit itself would seem to have existed before.
func undo(in guardrail.Input) {
	if _, isEdit := in["change"]; !isEdit {
		return
	}
	in["change"] = Impact{}.Input()
	delete(in, "object")
	delete(in, "operation")
	if old, ok := in["oldObject"]; ok {
		in["object"] = old
	}
}

func routeInput(route *hierarchy.Route) map[string]any {
	meta := route.Meta()
	hostnames := make([]any, len(route.Hostnames))
	for i, h := range route.Hostnames {
		hostnames[i] = h
	}
	return map[string]any{
		"group": meta.Ref.GroupKind.Group, "kind": meta.Ref.Kind, "namespace": meta.Ref.Namespace, "name": meta.Ref.Name,
		"labels": labelsInput(meta.Labels), "hostnames": hostnames,
	}
}

// ruleInput is the rule's name and place; a rule without a name has an empty
// one, a route without rules the place -1.
func ruleInput(route *hierarchy.Route, rule hierarchy.RuleRef) map[string]any {
	index := indexOf(route, rule)
	if index < 0 {
		return map[string]any{"name": "", "index": int64(-1)}
	}
	return map[string]any{"name": route.Rules[index].Name, "index": int64(index)}
}

func listenerInput(l *hierarchy.Listener) map[string]any {
	value := map[string]any{
		"name": l.Ref.Section, "port": int64(l.Spec.Port), "protocol": l.Spec.Protocol, "hostname": l.Spec.Hostname,
	}
	if !l.ListenerSet.IsZero() {
		value["listenerSet"] = l.ListenerSet.Place()
	}
	return value
}

func named(graph *hierarchy.Graph, ref hierarchy.Ref, more map[string]any) map[string]any {
	value := map[string]any{"name": ref.Name, "labels": map[string]any{}}
	if ref.Namespace != "" {
		value["namespace"] = ref.Namespace
	}
	if object, ok := graph.Get(ref); ok {
		value["labels"] = labelsInput(object.Meta().Labels)
	}
	maps.Copy(value, more)
	return value
}

func labelsInput(labels map[string]string) map[string]any {
	value := make(map[string]any, len(labels))
	for k, v := range labels {
		value[k] = v
	}
	return value
}

// originAt is the origin of the value at a path that a rule names.
func originAt(r *effective.PathPolicies, fieldPath string) *effective.Origin {
	kind, field, ok := SplitPath(kindsOf(effective.Pair{After: r}), fieldPath)
	if !ok {
		return nil
	}
	m, _ := r.Kind(kind)
	for i := range m.Origins {
		if slices.Equal(m.Origins[i].Path, field) {
			return &m.Origins[i]
		}
	}
	return nil
}

// effectiveInput is the effective policy of a path by kind.
func effectiveInput(r *effective.PathPolicies) map[string]any {
	value := map[string]any{}
	if r == nil {
		return value
	}
	for _, m := range r.Kinds {
		if len(m.Value) > 0 {
			value[m.Kind.Name()] = m.Value
		}
	}
	return value
}

// originsInput says who set each field, by kind and field.
func originsInput(r *effective.PathPolicies) map[string]any {
	kinds := map[string]any{}
	if r == nil {
		return kinds
	}
	for _, m := range r.Kinds {
		fields := map[string]any{}
		for _, o := range m.Origins {
			beat := make([]any, len(o.Beat))
			for i, b := range o.Beat {
				beat[i] = b.String()
			}
			field := map[string]any{
				"kind":      o.From.Kind,
				"namespace": o.From.Namespace,
				"name":      o.From.Name,
				"target":    o.Target.String(),
				"level":     o.Level.String(),
				"block":     o.Block.String(),
				"beat":      beat,
			}
			if !o.ClampedBy.IsZero() {
				field["clampedBy"] = o.ClampedBy.String()
			}
			fields[o.Path.String()] = field
		}
		if len(fields) > 0 {
			kinds[m.Kind.Name()] = fields
		}
	}
	return kinds
}
