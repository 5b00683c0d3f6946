package status

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
)

// MaxConditions is the maximum length of a list of conditions (R57). Our conditions never displace
// those of others.
const MaxConditions = 8

const (
	affectedPrefix = policy.Group + "/"
	affectedSuffix = "Affected"
	reasonAffected = "PolicyAffected"
)

// Conditions are the live conditions in the status of a GatewayClass, a Gateway or a ListenerSet:
// the conditions of the object, and of each listener that its status has.
type Conditions struct {
	Object    []metav1.Condition
	Listeners map[string][]metav1.Condition
}

// Affected returns the write that makes the conditions attache.dev/<Kind>Affected true on a
// GatewayClass, a Gateway or a ListenerSet and on its listeners: one for each policy kind that has
// a policy attached there or above (GEP-713). A kind of another group is named with its group.
// Conditions that no longer hold are removed. Listeners that the status does not list yet are
// skipped: the Gateway's own controller creates their entries.
func (p Planner) Affected(s *policy.Snapshot, ref hierarchy.Ref, generation int64, live Conditions) []Write {
	listeners, ok := listeners(s, ref)
	if !ok {
		return nil
	}
	own, reader := policiesOn(s, nil, append(s.Graph().Above(ref), ref)...), s.ReaderIn(ref.Namespace)
	if platform := s.Options().PlatformNamespaces; ref.Namespace == "" && platform != nil { // everybody may read it
		reader = func(namespace string) bool { return slices.Contains(platform, namespace) }
	}
	want := map[string]any{}
	conditions, changed := p.affectedConditions(own, live.Object, generation, reader)
	if len(conditions) > 0 {
		want["conditions"] = condition.Objects(conditions)
	}
	var entries []any
	for _, name := range listeners {
		have, listed := live.Listeners[name]
		if !listed {
			continue
		}
		conditions, differs := p.affectedConditions(policiesOn(s, own, ref.WithSection(name)), have, generation, reader)
		changed = changed || differs
		if len(conditions) > 0 {
			entries = append(entries, map[string]any{"name": name, "conditions": condition.Objects(conditions)})
		}
	}
	if !changed {
		return nil
	}
	if len(entries) > 0 {
		want["listeners"] = entries
	}
	object := named(p.version(ref), ref.Kind, ref.Namespace, ref.Name)
	object.Object["status"] = want
	return []Write{{ApplyStatus, object}}
}

// listeners are the names of the listeners of an object; false when the object is not of one of the
// three kinds, or does not exist.
func listeners(s *policy.Snapshot, ref hierarchy.Ref) (names []string, ok bool) {
	object, _ := s.Graph().Get(ref)
	switch o := object.(type) {
	case *hierarchy.GatewayClass:
		return nil, true
	case *hierarchy.Gateway:
		return listenerNames(o.Listeners), true
	case *hierarchy.ListenerSet:
		return listenerNames(o.Listeners), true
	}
	return nil, false
}

func listenerNames(listeners []hierarchy.ListenerSpec) []string {
	names := make([]string, len(listeners))
	for i, l := range listeners {
		names[i] = l.Name
	}
	return names
}

// policiesOn lists the policies that apply on targets, by the name of their kind, after those that
// apply above them.
func policiesOn(s *policy.Snapshot, above map[string][]hierarchy.Ref, targets ...hierarchy.Ref) map[string][]hierarchy.Ref {
	kinds := maps.Clone(above)
	if kinds == nil {
		kinds = map[string][]hierarchy.Ref{}
	}
	for _, target := range targets {
		for _, p := range s.Named(target) {
			if s.AcceptedAt(p, target) {
				kinds[p.Kind.Name()] = append(slices.Clip(kinds[p.Kind.Name()]), p.Ref)
			}
		}
	}
	return kinds
}

// affectedConditions returns our new conditions, and whether they differ from the live ones.
func (p Planner) affectedConditions(kinds map[string][]hierarchy.Ref, live []metav1.Condition, generation int64, reader policy.Reader) (want []metav1.Condition, changed bool) {
	var have []metav1.Condition
	foreign := 0
	for _, c := range live {
		if isAffected(c.Type) {
			have = append(have, c)
		} else {
			foreign++
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if foreign+len(want) >= MaxConditions {
			break
		}
		refs := kinds[kind]
		affected := condition.New(affectedPrefix+kind+affectedSuffix, metav1.ConditionTrue, reasonAffected,
			fmt.Sprintf("Affected by %s.", reader.Names(refs, 5)))
		want = append(want, p.condition(affected, live, generation))
	}
	byType := func(a, b metav1.Condition) int { return strings.Compare(a.Type, b.Type) }
	slices.SortFunc(have, byType)
	slices.SortFunc(want, byType)
	return want, len(have) != len(want) || (len(want) > 0 && !reflect.DeepEqual(condition.Objects(have), condition.Objects(want)))
}

// isAffected reports whether a condition is one of ours.
func isAffected(kind string) bool {
	return strings.HasPrefix(kind, affectedPrefix) && strings.HasSuffix(kind, affectedSuffix)
}
