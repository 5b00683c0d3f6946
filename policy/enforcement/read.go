package enforcement

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/field"
)

// EntriesOf reads status.enforcement of an EffectivePolicy. Parents that are not in the graph only
// have a name. It does not say which of several objects has a field.
func EntriesOf(g *hierarchy.Graph, object *unstructured.Unstructured) []Entry {
	list, _, _ := unstructured.NestedSlice(object.Object, "status", "enforcement")
	var entries []Entry
	for _, item := range list {
		m, _ := item.(map[string]any)
		e := Entry{
			Exporter: textAt(m, "exporter"), Controller: textAt(m, "controller"), State: State(textAt(m, "state")),
			Message: textAt(m, "message"), Refused: textAt(m, "refused"), Rules: rulesOf(m),
		}
		e.Projected, _ = field.Integer(m["projected"])
		for _, parent := range mapsAt(m, "parents") {
			l, known := g.Listener(listenerOf(parent))
			if !known {
				l = namedListener(parent)
			}
			e.Parents = append(e.Parents, l)
		}
		for _, o := range mapsAt(m, "objects") {
			e.Objects = append(e.Objects, hierarchy.NewRef(textAt(o, "group"), textAt(o, "kind"), textAt(o, "namespace"), textAt(o, "name")))
		}
		for _, outcome := range mapsAt(m, "fields") {
			e.Outcomes = append(e.Outcomes, outcomeOf(outcome, e.Objects))
		}
		entries = append(entries, e)
	}
	return entries
}

func listenerOf(parent map[string]any) hierarchy.Ref {
	of, in := hierarchy.GatewayKind, textMap(parent, "gateway")
	if set := textMap(parent, "listenerSet"); set != nil {
		of, in = hierarchy.ListenerSetKind, set
	}
	return hierarchy.NewRef(of.Group, of.Kind, textAt(in, "namespace"), textAt(in, "name")).WithSection(textAt(parent, "listener"))
}

// namedListener returns a listener of which only the name is known.
func namedListener(parent map[string]any) *hierarchy.Listener {
	gateway, set := textMap(parent, "gateway"), textMap(parent, "listenerSet")
	l := &hierarchy.Listener{Ref: listenerOf(parent), Gateway: hierarchy.GatewayRef(textAt(gateway, "namespace"), textAt(gateway, "name"))}
	if set != nil {
		l.ListenerSet = l.Ref.Object()
	}
	return l
}

func rulesOf(entry map[string]any) hierarchy.RuleSet {
	if _, some := entry["rules"]; !some {
		return hierarchy.AllRules()
	}
	var set hierarchy.RuleSet
	for _, rule := range mapsAt(entry, "rules") {
		index, _ := field.Integer(rule["index"])
		set.Rules = append(set.Rules, hierarchy.RuleRef{Index: int(index), Name: textAt(rule, "name")})
	}
	return set
}

// outcomeOf returns the outcome of one field. If the entry has only one object, that object has the
// field.
func outcomeOf(entry map[string]any, objects []hierarchy.Ref) export.Outcome {
	o := export.Outcome{
		Field: field.Parse(textAt(entry, "policy"), textAt(entry, "field")), Verdict: export.Verdict(textAt(entry, "outcome")),
		Reason: export.Reason(textAt(entry, "reason")), Message: textAt(entry, "message"), As: textAt(entry, "as"), Value: entry["value"],
	}
	notes, _ := entry["notes"].([]any)
	for _, note := range notes {
		text, _ := note.(string)
		o.Notes = append(o.Notes, text)
	}
	if len(objects) == 1 && strings.HasPrefix(o.As, "spec.") {
		o.Object = export.ObjectKey(objects[0].Name)
	}
	return o
}

func textAt(m map[string]any, key string) string {
	text, _ := m[key].(string)
	return text
}

func textMap(m map[string]any, key string) map[string]any {
	inner, _ := m[key].(map[string]any)
	return inner
}

func mapsAt(m map[string]any, key string) []map[string]any {
	list, _ := m[key].([]any)
	all := make([]map[string]any, 0, len(list))
	for _, item := range list {
		inner, _ := item.(map[string]any)
		all = append(all, inner)
	}
	return all
}
