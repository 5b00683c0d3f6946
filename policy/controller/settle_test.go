package controller

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/condition"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/status"
)

// memory is a cluster in memory: what exists, and what we wrote there.
type memory struct {
	objects     map[hierarchy.Ref]*unstructured.Unstructured
	annotations map[hierarchy.Ref]string
	effective   map[hierarchy.Ref]*unstructured.Unstructured
	statuses    map[hierarchy.Ref]any
	conditions  map[hierarchy.Ref]status.Conditions
}

func newMemory() *memory {
	return &memory{
		objects:     map[hierarchy.Ref]*unstructured.Unstructured{},
		annotations: map[hierarchy.Ref]string{},
		effective:   map[hierarchy.Ref]*unstructured.Unstructured{},
		statuses:    map[hierarchy.Ref]any{},
		conditions:  map[hierarchy.Ref]status.Conditions{},
	}
}

func (m *memory) Conditions(ref hierarchy.Ref) status.Conditions {
	live, known := m.conditions[ref]
	if !known { // a Gateway's own controller lists its listeners
		live.Listeners = map[string][]metav1.Condition{"a": nil, "z": nil}
	}
	return live
}

// Print is never asked for: nobody else writes in these tests.
func (m *memory) Print(hierarchy.Ref) (uint64, bool) { return 0, false }

func (m *memory) Annotations(target hierarchy.Ref) (map[string]string, bool) {
	_, exists := m.objects[target]
	if value, ok := m.annotations[target]; ok {
		return map[string]string{publish.Annotation: value}, exists
	}
	return nil, exists
}

func (m *memory) EffectivePolicy(namespace, name string) *unstructured.Unstructured {
	u := m.effective[hierarchy.NewRef(policy.Group, publish.Kind, namespace, name)]
	if u != nil {
		u = u.DeepCopy()
		status.Claim(u, true)
	}
	return u
}

func (m *memory) Policy(ref hierarchy.Ref) *unstructured.Unstructured {
	u := m.objects[ref]
	if u == nil {
		return nil
	}
	u = u.DeepCopy()
	if s := m.statuses[ref]; s != nil {
		u.Object["status"] = s
	}
	return u
}

// write carries out a write as an API server would.
func (m *memory) write(w status.Write) {
	ref := hierarchy.RefOf(w.Object)
	switch {
	case w.Verb == status.UpdateStatus:
		m.statuses[ref] = w.Object.Object["status"]
	case w.Verb == status.RemoveAnnotations:
		delete(m.annotations, ref)
	case w.Verb == status.Delete:
		delete(m.effective, ref)
	case w.Verb == status.Apply && ref.GroupKind != publish.EffectivePolicyKind:
		m.annotations[ref] = w.Object.GetAnnotations()[publish.Annotation]
	case w.Verb == status.Apply:
		u := w.Object.DeepCopy()
		if old := m.effective[ref]; old != nil {
			u.Object["status"] = old.Object["status"]
		}
		m.effective[ref] = u
	case w.Verb == status.ApplyStatus && ref.GroupKind != publish.EffectivePolicyKind:
		live := status.Conditions{Listeners: map[string][]metav1.Condition{"a": nil, "z": nil}}
		live.Object = condition.In(w.Object.Object, "status", "conditions")
		entries, _, _ := unstructured.NestedSlice(w.Object.Object, "status", "listeners")
		for _, entry := range entries {
			entry := entry.(map[string]any)
			live.Listeners[entry["name"].(string)] = condition.Read(entry["conditions"])
		}
		m.conditions[ref] = live
	case w.Verb == status.ApplyStatus:
		m.effective[ref].Object["status"] = w.Object.Object["status"]
	}
}

func (m *memory) delete(ref hierarchy.Ref) {
	delete(m.objects, ref)
	delete(m.annotations, ref)
	delete(m.statuses, ref)
	delete(m.conditions, ref)
}

func (m *memory) existing() []hierarchy.Ref {
	var refs []hierarchy.Ref
	for ref := range m.effective {
		refs = append(refs, ref)
	}
	return refs
}

func object(text string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		panic(fmt.Sprintf("%v in %s", err, text))
	}
	return u
}

const gatewayAPI = "apiVersion: gateway.networking.k8s.io/v1, kind: "

// draw makes one object of a small world.
func draw(t *rapid.T, generation int) *unstructured.Unstructured {
	pick := func(label string, words ...string) string { return rapid.SampledFrom(words).Draw(t, label) }
	namespace := pick("namespace", "one", "two")
	meta := func(name string) string {
		return fmt.Sprintf("metadata: {name: %s, namespace: %s, uid: %s-%s, generation: %d, creationTimestamp: '2026-01-0%sT00:00:00Z'}",
			name, namespace, namespace, name, generation, pick("day", "1", "2", "3"))
	}
	listeners := func() string {
		return fmt.Sprintf("[{name: %s, port: %s, protocol: HTTP, allowedRoutes: {namespaces: {from: %s}}}, {name: z, port: 90, protocol: HTTP}]",
			pick("listener", "a", "b"), pick("port", "80", "81"), pick("from", "All", "Same", "Selector, selector: {matchLabels: {tier: x}}"))
	}
	switch pick("kind", "class", "gateway", "set", "route", "route", "policy", "policy", "policy", "grant", "namespace") {
	case "class":
		return object("{" + gatewayAPI + "GatewayClass, metadata: {name: " + pick("class", "c", "d") + "}, spec: {controllerName: e.com/c}}")
	case "gateway":
		return object("{" + gatewayAPI + "Gateway, " + meta(pick("gateway", "g", "h")) + ", spec: {gatewayClassName: " + pick("class", "c", "d") +
			", allowedListeners: {namespaces: {from: " + pick("sets", "All", "None", "Same") + "}}, listeners: " + listeners() + "}}")
	case "set":
		return object("{" + gatewayAPI + "ListenerSet, " + meta("s") + ", spec: {parentRef: {name: " + pick("gateway", "g", "h") + ", namespace: one}, listeners: " + listeners() + "}}")
	case "route":
		return object("{" + gatewayAPI + "HTTPRoute, " + meta(pick("route", "r", "q")) + ", spec: {parentRefs: [" +
			pick("parent", "{name: g}", "{name: h, namespace: one}", "{name: g, namespace: one, sectionName: a}", "{kind: ListenerSet, name: s}", "{name: g}, {name: h}") +
			"], rules: [{name: " + pick("rule", "x", "y") + "}, {}]}}")
	case "grant":
		return object("{" + gatewayAPI + "ReferenceGrant, " + meta("grant") + ", spec: {from: [{group: attache.dev, kind: TimeoutPolicy, namespace: " +
			pick("granted", "one", "two") + "}], to: [{group: gateway.networking.k8s.io, kind: " + pick("to", "Gateway", "HTTPRoute") + "}]}}")
	case "namespace":
		return object("{apiVersion: v1, kind: Namespace, metadata: {name: " + namespace + ", labels: {tier: " + pick("tier", "x", "y") + "}}}")
	}
	target := func(n int) string {
		return "{group: gateway.networking.k8s.io, " + pick(fmt.Sprintf("target %d", n),
			"kind: GatewayClass, name: c", "kind: GatewayClass, name: d", "kind: Gateway, name: g", "kind: Gateway, name: g, namespace: one",
			"kind: Gateway, name: g, sectionName: a", "kind: ListenerSet, name: s", "kind: ListenerSet, name: s, sectionName: a",
			"kind: HTTPRoute, name: r", "kind: HTTPRoute, name: r, sectionName: x", "kind: HTTPRoute, name: q, namespace: two") + "}"
	}
	targets := []string{target(1)}
	if rapid.Bool().Draw(t, "two targets") {
		targets = append(targets, target(2))
	}
	return object("{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, " + meta(pick("policy", "p", "o", "n")) +
		", spec: {strategy: " + pick("strategy", "Patch", "Atomic") + ", " + pick("block", "default", "override") +
		": {request: " + pick("request", "1s", "2s") + ", " + pick("field", "backend", "idle") + ": 1s}, targetRefs: [" + strings.Join(targets, ", ") + "]}}")
}

const timeoutCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: timeoutpolicies.attache.dev, labels: {gateway.networking.k8s.io/policy: Inherited}}
spec: {group: attache.dev, scope: Namespaced, names: {kind: TimeoutPolicy, plural: timeoutpolicies}, versions: [{name: v1alpha1, served: true, storage: true}]}
`

// none are the guardrails of a cluster without any.
func none() []*guardrail.Guardrail { return nil }

// atMost1s is a rule that no request may take longer than a second.
type atMost1s struct{}

func (atMost1s) Uses() guardrail.Variables { return guardrail.Effective }

func (atMost1s) Check(_ context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	timeouts, _ := in["effective"].(map[string]any)["TimeoutPolicy"].(map[string]any)
	if timeouts["request"] == "2s" {
		return []guardrail.Finding{{Code: "0", Message: "too long", FieldPath: "effective.TimeoutPolicy.request"}}, nil
	}
	return nil, nil
}

func short() []*guardrail.Guardrail {
	return []*guardrail.Guardrail{{Name: "short", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{atMost1s{}}}}
}

// After any edits, it must be enough to check what settle returns: a controller that starts afresh
// finds nothing left to write.
func TestSettleNamesEverythingThatHasToBeLookedAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edit(t, none, func() {}, func(*memory) {})
	})
}

// Whatever is edited, what a guardrail forbids is never published; a restart
// forgets neither what is published nor what is held back, and publishes nothing.
func TestWhatAGuardrailForbidsIsNeverPublished(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edit(t, short, func() {}, func(m *memory) {
			for ref, value := range m.annotations {
				if ref.Kind == "HTTPRoute" && strings.Contains(value, `"request":"2s"`) {
					t.Fatalf("%s is annotated %s", ref, value)
				}
			}
			for ref, u := range m.effective {
				if strings.HasPrefix(ref.Name, "httproute.") && strings.Contains(fmt.Sprint(u.Object["status"]), "request:2s") {
					t.Fatalf("%s says %v", ref, u.Object["status"])
				}
			}
		})
	})
}

// carryOut writes what has to be written about objects, and about the policies of
// which data planes make something else now.
func (c *Controller) carryOut(m *memory, dirty refs) {
	again := refs{}
	for ref := range dirty {
		writes, on := c.decide(ref)
		for _, w := range writes {
			m.write(w)
		}
		for _, p := range c.scored(ref, on) {
			again.add(p)
		}
	}
	for ref := range again {
		writes, _ := c.decide(ref)
		for _, w := range writes {
			m.write(w)
		}
	}
}

// edit makes random edits in a random world that a controller follows, and after
// each asks check, and a controller that starts afresh. Before each, time passes.
func edit(t *rapid.T, guardrails func() []*guardrail.Guardrail, passes func(), check func(*memory)) {
	now := func() time.Time { return time.Unix(0, 0) }
	m := newMemory()
	start := func() *Controller {
		return &Controller{live: m, planner: status.Planner{Now: now}, state: newState(guardrails), enforcer: newEnforcer(Enforcement{})}
	}
	snapshot, _ := policy.NewSnapshot(policy.Options{PlatformNamespaces: []string{"one"}}).With(object(timeoutCRD))
	c := start()
	c.state.begin(t.Context(), snapshot, nil, m)
	for step := range rapid.IntRange(1, 25).Draw(t, "steps") {
		passes()
		changed := refs{}
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			u := draw(t, step+1)
			ref := hierarchy.RefOf(u)
			changed.add(ref)
			if _, exists := m.objects[ref]; exists && rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
				m.delete(ref)
				snapshot = snapshot.Without(ref)
				continue
			}
			m.objects[ref] = u
			snapshot, _ = snapshot.With(u)
		}
		dirty, _ := c.state.settle(t.Context(), snapshot, changed, refs{}, true)
		c.carryOut(m, dirty)
		check(m)
		fresh := start()
		all := fresh.state.begin(t.Context(), snapshot, m.existing(), m)
		fresh.scoreAll(all)
		for ref := range all {
			writes, _ := fresh.decide(ref)
			for _, w := range writes {
				t.Fatalf("after a change of %v, %s was not looked at: %s\n%v", changed, ref, w.Verb, w.Object.Object)
			}
		}
	}
}

// A route whose first result is withheld gets the result of the policies above it; a restart can
// tell that from a published result, and follows changes above.
func TestWhatPoliciesAboveGiveStandsInForAFirstResult(t *testing.T) {
	m := newMemory()
	start := func() *Controller {
		return &Controller{live: m, planner: status.Planner{Now: func() time.Time { return time.Unix(0, 0) }}, state: newState(short), enforcer: newEnforcer(Enforcement{})}
	}
	snapshot, _ := policy.NewSnapshot(policy.Options{}).With(object(timeoutCRD))
	put := func(texts ...string) refs {
		changed := refs{}
		for _, text := range texts {
			u := object(text)
			m.objects[hierarchy.RefOf(u)] = u
			snapshot, _ = snapshot.With(u)
			changed.add(hierarchy.RefOf(u))
		}
		return changed
	}
	gateway := "{" + gatewayAPI + "Gateway, metadata: {name: g, namespace: one}, spec: {gatewayClassName: c, listeners: [{name: a, port: 80, protocol: HTTP}]}}"
	route := "{" + gatewayAPI + "HTTPRoute, metadata: {name: r, namespace: one, uid: r}, spec: {parentRefs: [{name: g}], rules: [{}]}}"
	timeout := func(name, target, values string) string {
		return "{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: " + name + ", namespace: one}, spec: {strategy: Patch, " +
			"targetRef: {group: gateway.networking.k8s.io, " + target + "}, default: {" + values + "}}}"
	}
	shown := func(c *Controller, dirty refs) (values any, fromAbove bool) {
		c.carryOut(m, dirty)
		u := m.effective[hierarchy.NewRef(policy.Group, publish.Kind, "one", "httproute.r")]
		scopes, _, _ := unstructured.NestedSlice(u.Object, "status", "scopes")
		return scopes[0].(map[string]any)["effective"].(map[string]any)["TimeoutPolicy"], publish.FromAbove(u)
	}
	says := func(values any, fromAbove bool, want string, wantFromAbove bool) {
		t.Helper()
		if got := fmt.Sprint(values); got != want || fromAbove != wantFromAbove {
			t.Errorf("got %s, from above %t; want %s, %t", got, fromAbove, want, wantFromAbove)
		}
	}
	put(gateway, route, timeout("above", "kind: Gateway, name: g", "request: 1s, idle: 5s"), timeout("own", "kind: HTTPRoute, name: r", "request: 2s"))
	c := start()
	values, fromAbove := shown(c, c.state.begin(t.Context(), snapshot, nil, m))
	says(values, fromAbove, "map[idle:5s request:1s]", true)

	c = start()
	values, fromAbove = shown(c, c.state.begin(t.Context(), snapshot, m.existing(), m))
	says(values, fromAbove, "map[idle:5s request:1s]", true)
	changed := put(timeout("above", "kind: Gateway, name: g", "request: 1s, idle: 7s"))
	dirty, _ := c.state.settle(t.Context(), snapshot, changed, refs{}, true)
	values, fromAbove = shown(c, dirty)
	says(values, fromAbove, "map[idle:7s request:1s]", true)

	changed = put(timeout("own", "kind: HTTPRoute, name: r", "idle: 1s"))
	dirty, _ = c.state.settle(t.Context(), snapshot, changed, refs{}, true)
	values, fromAbove = shown(c, dirty)
	says(values, fromAbove, "map[idle:1s request:1s]", false)
}
