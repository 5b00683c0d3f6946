package exporters

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// envoyExporter writes a BackendTrafficPolicy for each target (12.E).
type envoyExporter struct{}

// Name implements Exporter.
func (envoyExporter) Name() string { return export.EnvoyGateway }

// envoyTitle is the plane's name in sentences.
const envoyTitle = "Envoy Gateway"

// backendTrafficPolicy is the kind that it writes, in the version whose fields it knows.
var backendTrafficPolicy = export.Kind{Group: "gateway.envoyproxy.io", Version: "v1alpha1", Kind: "BackendTrafficPolicy", Plural: "backendtrafficpolicies"}

// slotName is a part of an object's spec. A rule needs a value for each part independently.
type slotName int

const (
	requestSlot slotName = iota
	connectSlot
	idleSlot
	retrySlot
	limitSlot
	slots
)

// slot is what a rule needs in one part of an object's spec.
type slot struct {
	// anything is true if the value of an object has no effect on the rule there.
	anything bool
	// value is nil if the rule needs none.
	value any
	// fields are the fields for which the value is needed.
	fields []field.Field
}

// envoyPlane is what differs between the planes that are built on Envoy.
type envoyPlane struct {
	title string
	// places are the JSON paths of the slots.
	places [slots]string
	// retry writes the retry stanza of the object.
	retry func(r *envoyRule, perTry *field.Duration)
}

var envoyGateway = &envoyPlane{
	title: envoyTitle,
	places: [slots]string{
		requestSlot: "spec.timeout.http.requestTimeout", connectSlot: "spec.timeout.tcp.connectTimeout",
		idleSlot: "spec.timeout.http.streamIdleTimeout", retrySlot: "spec.retry", limitSlot: "spec.rateLimit",
	},
	retry: (*envoyRule).retryBlock,
}

// envoyRule is a rule with what it needs objects to have.
type envoyRule struct {
	*draft.Rule
	on    *envoyPlane
	slots needs
	// passed is true if no object is written for the rule: a foreign policy is attached to it, or it
	// does not proxy.
	passed bool
	// parents are the specs that would apply without ours, one for each path, nil if there is none.
	parents []map[string]any
	// carried is the foreign policy on the whole route that an object on the rule has to carry over.
	carried *export.Foreign
}

// Project implements Exporter.
func (e envoyExporter) Project(in export.Input) export.Projection {
	if p, done := draft.RefusedWhole(&in, envoyTitle); done {
		return p
	}
	if !slices.Contains([]string{"HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"}, in.Route.Kind) {
		return draft.Refused(&in, envoyTitle, export.RouteKind, envoyTitle, in.Route.Kind)
	}
	common := draft.RulesOf(&in, envoyTitle)
	rules := make([]*envoyRule, len(common))
	for i, r := range common {
		rules[i] = &envoyRule{Rule: r, on: envoyGateway}
		rules[i].read()
	}
	return export.NewProjection(envoyTargets(&in, rules), draft.Injections(common), draft.OutcomesOf(&in, common, envoyTitle))
}

// read determines what the rule needs.
func (r *envoyRule) read() {
	if r.Answers {
		r.RefuseNotProxied()
		r.passed = true
		return
	}
	if !r.settleForeign() {
		r.passed = true
		return
	}
	if r.In.Route.Kind == "TCPRoute" || r.In.Route.Kind == "TLSRoute" {
		r.layer4()
		return
	}
	r.tries()
	r.connect()
	r.idle()
	r.limit()
	r.keep()
}

// layer4 is read for a route below HTTP, which has the connect timeout only.
func (r *envoyRule) layer4() {
	for _, f := range r.Fields() {
		switch f {
		case field.Timeout(field.Connect):
		case field.Timeout(field.Idle):
			r.Sheet.At(f).Because(export.NoField, envoyTitle)
		default:
			r.Sheet.At(f).Because(export.RouteKind, envoyTitle, r.In.Route.Kind)
		}
	}
	r.connect()
}

func (r *envoyRule) connect() {
	d, f := r.Want.Connect, field.Timeout(field.Connect)
	if d == nil {
		return
	}
	v := r.Sheet.At(f)
	if d.Off() {
		// Envoy refuses 0 (12.E5a).
		d = field.Day()
		v.Because(export.NoOffSwitch, d.Text)
	}
	r.need(connectSlot, d.Text, d.Text, f)
}

func (r *envoyRule) idle() {
	if d := r.Want.Idle; d != nil {
		r.need(idleSlot, d.Text, d.Text, field.Timeout(field.Idle))
	}
}

// need records the value that an object must have in a slot for some fields of the rule. shown is the
// value in the outcomes.
func (r *envoyRule) need(at slotName, value, shown any, fields ...field.Field) {
	r.slots[at].value = value
	r.slots[at].fields = append(r.slots[at].fields, fields...)
	r.Each(fields, func(v *draft.Outcome) { v.Written(r.on.places[at], shown) })
}

// accept records that the value of a slot has no effect on the rule.
func (r *envoyRule) accept(at slotName) { r.slots[at] = slot{anything: true} }

// keep keeps the values of a live object for a policy kind that has become invalid on all paths of the
// rule (E2.3).
func (r *envoyRule) keep() {
	if len(r.Invalid) == 0 {
		return
	}
	held := r.heldSpec()
	if held == nil {
		return
	}
	for policy, at := range map[string][]slotName{
		field.TimeoutPolicy: {requestSlot, connectSlot, idleSlot}, field.RetryPolicy: {retrySlot}, field.RateLimitPolicy: {limitSlot},
	} {
		if _, invalid := r.Invalid[policy]; !invalid {
			continue
		}
		for _, s := range at {
			if v := slotOf(held, s); v != nil && r.slots[s].value == nil && !r.slots[s].anything {
				r.slots[s].value = v
			}
		}
		for f := range field.Leaves(policy, r.Paths[0].Effective.Values[policy]) {
			r.Sheet.At(f).Note(export.Kept)
		}
	}
}

// heldSpec returns the spec of our live object for the rule, else of that for the route.
func (r *envoyRule) heldSpec() map[string]any {
	names := []string{envoyTarget(r.In, "").Name()}
	if r.Unique != "" {
		names = []string{envoyTarget(r.In, r.Unique).Name(), names[0]}
	}
	for _, name := range names {
		if live := r.In.Held[name]; live != nil {
			spec, _, _ := unstructured.NestedMap(live.Object, "spec")
			return spec
		}
	}
	return nil
}

// slotOf reads one slot out of a spec.
func slotOf(spec map[string]any, at slotName) any {
	paths := [slots][]string{
		requestSlot: {"timeout", "http", "requestTimeout"}, connectSlot: {"timeout", "tcp", "connectTimeout"},
		idleSlot: {"timeout", "http", "streamIdleTimeout"}, retrySlot: {"retry"}, limitSlot: {"rateLimit"},
	}
	v, _, _ := unstructured.NestedFieldCopy(spec, paths[at]...)
	return v
}

// needs are the needs of a target, slot by slot.
type needs [slots]slot

// empty reports whether nothing is needed.
func (n *needs) empty() bool {
	return !slices.ContainsFunc(n[:], func(s slot) bool { return s.value != nil })
}

// spec returns the spec that satisfies the needs, of which the values are parts.
func (n *needs) spec() map[string]any {
	spec := map[string]any{}
	put := func(value any, path ...string) {
		into := spec
		for _, name := range path[:len(path)-1] {
			inner, _ := into[name].(map[string]any)
			if inner == nil {
				inner = map[string]any{}
				into[name] = inner
			}
			into = inner
		}
		into[path[len(path)-1]] = value
	}
	for at, need := range n {
		if need.value == nil {
			continue
		}
		switch slotName(at) {
		case requestSlot:
			put(need.value, "timeout", "http", "requestTimeout")
		case connectSlot:
			put(need.value, "timeout", "tcp", "connectTimeout")
		case idleSlot:
			put(need.value, "timeout", "http", "connectionIdleTimeout")
			put(need.value, "timeout", "http", "streamIdleTimeout")
		case retrySlot:
			put(need.value, "retry")
		case limitSlot:
			put(need.value, "rateLimit")
		case slots:
		}
	}
	return spec
}

func envoyTarget(in *export.Input, rule string) export.Target {
	return export.Target{Exporter: export.EnvoyGateway, Kind: backendTrafficPolicy, Route: in.Route, Rule: rule}
}
