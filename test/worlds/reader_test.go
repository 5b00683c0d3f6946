package worlds

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/crds"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/attache-dev/attache/hierarchy"
	"github.com/attache-dev/attache/policy"
	policycrd "github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/effective"
	"github.com/attache-dev/attache/policy/evaluate"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/publish"
	"github.com/attache-dev/attache/policy/review"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/policy/validate"
)

// tenants are the namespaces of worlds in which everything that is in a namespace
// has a name that begins with the namespace's.
var tenants = []string{"alpha", "beta", "gamma"}

func manifestOf(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return u
}

// tenantWorld is a world of three tenants who share Gateways, and a policy that one
// of them is about to write.
type tenantWorld struct {
	objects []string
	author  string
	edit    string
}

func drawTenantWorld(t *rapid.T) tenantWorld {
	var w tenantWorld
	add := func(format string, args ...any) { w.objects = append(w.objects, fmt.Sprintf(format, args...)) }
	add(`{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edge}, spec: {controllerName: example.com/c}}`)
	for _, ns := range append([]string{"plat"}, tenants...) {
		add(`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw, namespace: %s, uid: gw-%s}, spec: {gatewayClassName: edge, listeners: [{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}`, ns, ns)
	}
	for _, ns := range tenants {
		add(`{apiVersion: gateway.networking.k8s.io/v1, kind: ReferenceGrant, metadata: {name: g, namespace: %s}, spec: {from: [{group: attache.dev, kind: TimeoutPolicy, namespace: %s}], to: [{group: gateway.networking.k8s.io, kind: HTTPRoute}, {group: gateway.networking.k8s.io, kind: Gateway}]}}`,
			ns, rapid.SampledFrom(tenants).Draw(t, "granted"))
		for i := range rapid.IntRange(0, 2).Draw(t, "routes") {
			parent := rapid.SampledFrom(append([]string{"plat"}, tenants...)).Draw(t, "parent")
			inline := rapid.SampledFrom([]string{"", ", timeouts: {request: 7s}"}).Draw(t, "inline")
			add(`{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: %s-r%d, namespace: %s, uid: %s-r%d}, spec: {parentRefs: [{name: gw, namespace: %s}], hostnames: [%s-h.example.com], rules: [{name: %s-rule%s}]}}`,
				ns, i, ns, ns, i, parent, ns, ns, inline)
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "policies") {
			w.objects = append(w.objects, drawPolicy(t, ns, fmt.Sprintf("%s-p%d", ns, i)))
		}
	}
	w.author = rapid.SampledFrom(tenants).Draw(t, "author")
	w.edit = drawPolicy(t, w.author, w.author+"-edited")
	return w
}

func drawPolicy(t *rapid.T, ns, name string) string {
	at := rapid.SampledFrom(tenants).Draw(t, "at")
	target := rapid.SampledFrom([]string{"kind: Gateway, name: gw", "kind: HTTPRoute, name: " + at + "-r0"}).Draw(t, "target")
	blocks := rapid.SampledFrom([]string{"default: {request: 5s}", "override: {request: 90s}", "default: {backend: 8s}", "bounds: {request: {max: 60s}}", "override: {idle: 2m}"}).Draw(t, "blocks")
	return fmt.Sprintf(`{apiVersion: attache.dev/v1alpha1, kind: TimeoutPolicy, metadata: {name: %s, namespace: %s, creationTimestamp: "2026-01-0%dT00:00:00Z"}, spec: {strategy: Patch, targetRef: {group: gateway.networking.k8s.io, %s, namespace: %s}, %s}}`,
		name, ns, rapid.IntRange(1, 3).Draw(t, "day"), target, at, blocks)
}

// talkative is a rule that puts all it knows of a route into its message.
type talkative struct{}

func (*talkative) Uses() guardrail.Variables {
	return guardrail.Effective | guardrail.Route | guardrail.RouteRule
}

func (*talkative) Check(_ context.Context, in guardrail.Input) ([]guardrail.Finding, error) {
	block, _ := in["effective"].(map[string]any)["TimeoutPolicy"].(map[string]any)
	if block["request"] != "90s" && block["idle"] != "2m" {
		return nil, nil
	}
	return []guardrail.Finding{{Code: "0", Message: fmt.Sprint(in["route"], in["rule"]), FieldPath: "effective.TimeoutPolicy.request"}}, nil
}

// Whatever the world, whatever the rights, no text names an object of a tenant, or
// a rule or a hostname of theirs, to somebody who may not read there.
func TestNoTextNamesWhatItsReaderMayNotKnow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := drawTenantWorld(rt)
		s := snapshotOf(t, w.objects)
		guardrails := []*guardrail.Guardrail{
			{Name: "deny", Enforcement: guardrail.Deny, Rules: []guardrail.Rule{&talkative{}}},
			{Name: "warn", Enforcement: guardrail.Warn, Rules: []guardrail.Rule{&talkative{}}},
		}
		readable := map[string]bool{w.author: true, "plat": true}
		for _, ns := range tenants {
			if rapid.Bool().Draw(rt, "may read "+ns) {
				readable[ns] = true
			}
		}
		e := review.EditOf(nil, manifestOf(t, w.edit))
		e.MayRead = func(ns string) bool { return readable[ns] }
		v, err := review.Review(t.Context(), s, e, guardrails)
		if err != nil {
			rt.Fatal(err)
		}
		texts := append(v.Warnings(), v.Denial("it"))
		for _, o := range v.Objections() {
			texts = append(texts, o.Field, o.Message)
		}
		knows(rt, texts, func(ns string) bool { return readable[ns] }, w.edit)
		statuses(rt, v.After, guardrails)
	})
}

// statuses checks what stands in every status, and in the events on it, for those who
// may read its namespace and no other, with everything held back that can be.
func statuses(t *rapid.T, s *policy.Snapshot, guardrails []*guardrail.Guardrail) {
	var tally effective.Tally
	held := map[hierarchy.Ref][]status.Hold{}
	planner := status.Planner{
		Now: func() time.Time { return time.Time{} }, Version: func(hierarchy.Ref) string { return "v1" },
		Holds: func(p hierarchy.Ref) []status.Hold { return held[p] },
	}
	for e := range effective.ResolveAll(s).All() {
		tally.Add(e)
		found, err := evaluate.Of(s, guardrails, nil).Published(context.Background(), nil, e)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range found {
			for p := range s.Policies() {
				held[p.Ref] = append(held[p.Ref], status.Hold{Target: e.Target, Gateway: v.Listener.Gateway, Guardrail: v.Guardrail, Text: v.Told(s.ReaderIn(p.Ref.Namespace))})
			}
		}
		results(t, s, planner, e, found)
	}
	for p := range s.Policies() {
		live := named(p.Ref)
		var texts []string
		for _, write := range planner.Policy(s, p, &tally, liveOnly{live}) {
			texts = append(texts, textsOf(write.Object.Object)...)
			for _, event := range append(planner.Turned(live, write.Object), planner.Turned(write.Object, live)...) {
				texts = append(texts, textsOf(event.Object.Object)...)
			}
		}
		if len(texts) == 0 {
			t.Fatalf("nothing is said of %s", p.Ref)
		}
		knows(t, texts, func(ns string) bool { return ns == p.Ref.Namespace }, targetsOf(p))
	}
	for object := range s.Graph().Gateways() {
		ref := object.Meta().Ref
		live := status.Conditions{Listeners: map[string][]metav1.Condition{"http": {}}}
		for _, write := range planner.Affected(s, ref, 1, live) {
			knows(t, textsOf(write.Object.Object), func(ns string) bool { return ns == ref.Namespace }, "")
		}
	}
	for object := range s.Graph().GatewayClasses() {
		for _, write := range planner.Affected(s, object.Meta().Ref, 1, status.Conditions{}) {
			knows(t, textsOf(write.Object.Object), func(string) bool { return false }, "")
		}
	}
}

// results checks the texts on the EffectivePolicy of a target, published and withheld, and
// those of the event on the target.
func results(t *rapid.T, s *policy.Snapshot, planner status.Planner, e *effective.Target, found []evaluate.Violation) {
	reader := func(ns string) bool { return ns == e.Target.Namespace }
	var writes []status.Write
	writes = append(writes, planner.Target(e.Target, e, liveOnly{})...)
	for _, v := range found {
		told := v.Told(s.ReaderIn(e.Target.Namespace))
		writes = append(writes, planner.Keep(e.Target, e.UID, nil, &status.Withheld{Reason: publish.WithheldViolation, Message: told}, liveOnly{})...)
		writes = append(writes, planner.Event(named(e.Target), status.Event{Type: status.EventWarning, Reason: status.ReasonGuardrailViolated, Note: told}))
	}
	for _, write := range writes {
		knows(t, textsOf(write.Object.Object), reader, "")
	}
}

// named is an object of which only the name is known.
func named(ref hierarchy.Ref) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": ref.GroupKind.Group + "/v1", "kind": ref.Kind, "metadata": map[string]any{"name": ref.Name, "namespace": ref.Namespace},
	}}
}

func targetsOf(p *policy.Policy) string {
	var b strings.Builder
	for _, target := range p.Targets {
		b.WriteString(target.Ref.String() + " ")
	}
	return b.String()
}

// textsOf are the sentences of an object: messages of conditions and of what is invalid,
// and notes of events. References beside them have fields of their own.
func textsOf(value any) (texts []string) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if text, isText := inner.(string); isText && (key == "message" || key == "note" || key == "reason") {
				texts = append(texts, text)
			}
			texts = append(texts, textsOf(inner)...)
		}
	case []any:
		for _, inner := range value {
			texts = append(texts, textsOf(inner)...)
		}
	}
	return texts
}

// knows fails when a text has a name that its reader may not know, unless they
// wrote it themselves.
func knows(t *rapid.T, texts []string, may func(ns string) bool, own string) {
	for _, text := range texts {
		for _, word := range strings.FieldsFunc(text, func(c rune) bool { return !(c == '-' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9') }) {
			for _, ns := range tenants {
				if strings.HasPrefix(word, ns+"-") && !may(ns) && !strings.Contains(own, word) {
					t.Fatalf("%q is told to somebody who may not read %s: %s", word, ns, text)
				}
			}
		}
	}
}

func snapshotOf(t testing.TB, manifests []string) *policy.Snapshot {
	t.Helper()
	var objects []*unstructured.Unstructured
	for _, file := range crds.Attache() {
		objects = append(objects, manifestOf(t, string(file.Data)))
	}
	for _, text := range manifests {
		objects = append(objects, manifestOf(t, text))
	}
	s, problems := policy.NewSnapshot(policy.Options{
		PlatformNamespaces: []string{"plat"},
		Compile:            func(d policycrd.Definition) (policy.Validator, error) { return validate.Compile(d) },
	}).With(objects...)
	if i := slices.IndexFunc(problems, func(p hierarchy.Problem) bool { return p.Ref.Kind == "CustomResourceDefinition" }); i >= 0 {
		t.Fatal(problems[i])
	}
	return s
}

// liveOnly is a status.Live that knows one policy, and that every route and Gateway exists.
type liveOnly struct{ object *unstructured.Unstructured }

func (liveOnly) Annotations(hierarchy.Ref) (map[string]string, bool)       { return nil, true }
func (liveOnly) EffectivePolicy(string, string) *unstructured.Unstructured { return nil }
func (l liveOnly) Policy(hierarchy.Ref) *unstructured.Unstructured         { return l.object }
