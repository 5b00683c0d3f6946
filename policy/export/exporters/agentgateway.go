package exporters

import (
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// agentgatewayExporter writes an AgentgatewayPolicy for each target (12.A).
type agentgatewayExporter struct{}

// Name implements Exporter.
func (agentgatewayExporter) Name() string { return export.Agentgateway }

const agentgatewayTitle = "agentgateway"

// agentgatewayPolicy is the kind that it writes, in the version whose fields it knows.
var agentgatewayPolicy = export.Kind{Group: "agentgateway.dev", Version: "v1alpha1", Kind: "AgentgatewayPolicy", Plural: "agentgatewaypolicies"}

// any5xx is the only expression that is ever written.
const any5xx = "response.code >= 500 && response.code <= 599"

var agentgatewayPlane = &envoyPlane{
	title: agentgatewayTitle,
	places: [slots]string{
		requestSlot: "spec.traffic.timeouts.request", retrySlot: "spec.traffic.retry", limitSlot: "spec.traffic.rateLimit.local",
	},
}

// agentgatewayUnits are the units of its limits, the shortest first.
var agentgatewayUnits = []draft.Unit{
	{Name: "Seconds", Size: time.Second}, {Name: "Minutes", Size: time.Minute}, {Name: "Hours", Size: time.Hour},
}

// overrideSlot has a value if the object overrides what the route itself states.
const overrideSlot = idleSlot

// Project implements Exporter.
func (agentgatewayExporter) Project(in export.Input) export.Projection {
	if p, done := draft.RefusedWhole(&in, agentgatewayTitle); done {
		return p
	}
	if in.Route.Kind != "HTTPRoute" && in.Route.Kind != "GRPCRoute" {
		return draft.Refused(&in, agentgatewayTitle, export.RouteKind, agentgatewayTitle, in.Route.Kind)
	}
	common := draft.RulesOf(&in, agentgatewayTitle)
	rules := make([]*envoyRule, len(common))
	apart := false
	for i, r := range common {
		rules[i] = &envoyRule{Rule: r, on: agentgatewayPlane}
		rules[i].agentgateway()
		for _, l := range r.Want.Limits {
			apart = apart || (rules[i].slots[limitSlot].value != nil && !l.Disabled && l.Counter != "Route" && l.Counter != "Gateway")
		}
	}
	plane := mergingPlane{in: &in, exporter: export.Agentgateway, kind: agentgatewayPolicy, spec: agentgatewaySpec}
	plane.settle(rules, agentgatewaySets)
	objects := plane.objects(rules, apart)
	for _, r := range rules {
		r.agentgatewayCounters(rules, objects)
	}
	return export.NewProjection(objects, nil, draft.OutcomesOf(&in, common, agentgatewayTitle))
}

func agentgatewaySets(spec map[string]any, at slotName) bool {
	path := map[slotName][]string{requestSlot: {"traffic", "timeouts"}, retrySlot: {"traffic", "retry"}, limitSlot: {"traffic", "rateLimit"}}[at]
	if path == nil {
		return false
	}
	_, found, _ := unstructured.NestedFieldNoCopy(spec, path...)
	return found
}

// agentgateway determines what the rule needs.
func (r *envoyRule) agentgateway() {
	if r.Answers {
		r.RefuseNotProxied()
		r.passed = true
		return
	}
	r.Each([]field.Field{field.Timeout(field.Idle)}, func(v *draft.Outcome) { v.Because(export.NoField, agentgatewayTitle) })
	r.Each([]field.Field{field.Timeout(field.Connect)}, func(v *draft.Outcome) { v.Because(export.PerService, agentgatewayTitle) })
	r.Subsume()
	r.agentgatewayTimes()
	r.agentgatewayRetry()
	r.agentgatewayLimits()
	r.agentgatewayLocked()
}

// agentgatewayTimes needs the timeouts. What the rule itself states takes precedence, unless the object
// overrides it, which replaces the whole block (12.A3).
func (r *envoyRule) agentgatewayTimes() {
	whole, fields := r.Want.Request, []field.Field{field.Timeout(field.Request)}
	perTry := r.PerTry()
	ownBackend := r.Own.Backend != nil
	switch {
	case ownBackend && field.Same(perTry, r.Own.Backend):
		r.Each(tryFields, func(v *draft.Outcome) { v.Written(r.InRoute(export.BackendLeaf), r.Own.Backend.Text) })
	case ownBackend:
		r.Each(tryFields, r.InlineWins(export.BackendLeaf))
	case !r.Retries() && perTry.Limits():
		whole, fields = field.Shorter(whole, perTry), allTimers
	default:
		r.Each(tryFields, func(v *draft.Outcome) { v.Because(export.PerService, agentgatewayTitle) })
	}
	if r.In.Route.Kind == "GRPCRoute" {
		r.Each(fields, func(v *draft.Outcome) { v.Because(export.RouteKind, agentgatewayTitle, r.In.Route.Kind) })
		return
	}
	switch {
	case r.Own.Request != nil && field.Same(whole, r.Own.Request):
		r.Each(fields, func(v *draft.Outcome) { v.Written(r.InRoute(export.RequestLeaf), r.Own.Request.Text) })
		return
	case !whole.Limits():
		r.Each(fields, func(v *draft.Outcome) { v.Written(export.Absent, nil) })
		if !r.Own.Request.Limits() {
			return
		}
		r.Each(fields, r.InlineWins(export.RequestLeaf)) // leaving it out does not override what the rule states
		return
	}
	r.need(requestSlot, whole.Text, whole.Text, fields...)
	if r.Own.Request != nil || ownBackend {
		r.slots[overrideSlot].value = "Override"
	}
	if ownBackend {
		r.Each(tryFields, func(v *draft.Outcome) {
			*v = draft.Outcome{}
			v.Stated(export.InlineWins, "lost to the override of request")
		})
	}
}

func (r *envoyRule) agentgatewayRetry() {
	if !r.Has(field.RetryPolicy) {
		return
	}
	const at = "spec.traffic.retry"
	if r.NoRetries() {
		r.need(retrySlot, map[string]any{"attempts": int64(1), "precondition": "false"}, int64(0), field.Retry(field.MaxRetries))
		r.WithoutRetries()
		r.overridesRetry()
		return
	}
	number := int64(1)
	if r.MaxRetries != nil {
		number = *r.MaxRetries
	} else {
		r.Each(r.FieldsOf(field.RetryPolicy), func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
	}
	if r.agentgatewaySame(number) {
		return
	}
	block := map[string]any{"attempts": number}
	r.Each([]field.Field{field.Retry(field.MaxRetries)}, func(v *draft.Outcome) { v.Written(at+".attempts", number) })
	if !r.agentgatewayConditions(block) {
		return
	}
	r.Each([]field.Field{field.Retry(field.BackoffMax)}, func(v *draft.Outcome) { v.Because(export.NoField, agentgatewayTitle) })
	base := r.BackoffBase
	if base.Limits() {
		block["backoff"] = base.Text
	}
	r.Each([]field.Field{field.Retry(field.BackoffBase)}, func(v *draft.Outcome) { v.Written(at+".backoff", base.Text) })
	r.Each([]field.Field{field.Retry(field.BackoffPolicy)}, func(v *draft.Outcome) {
		v.Written(at+".backoff", textOf(base))
		if r.BackoffPolicy != "constant" {
			v.Because(export.BackoffShape, "the same each time")
		}
	})
	r.slots[retrySlot].value = block
	r.slots[retrySlot].fields = r.FieldsOf(field.RetryPolicy)
	r.overridesRetry()
}

// agentgatewaySame reports whether the rule's own retry stanza is what the policy asks for. If so, the
// object does not repeat it.
func (r *envoyRule) agentgatewaySame(number int64) bool {
	own := r.Own
	if !own.Retries || own.Attempts == nil || *own.Attempts != number || !slices.Equal(own.Codes, r.RetryOn) || !field.Same(own.Backoff, r.BackoffBase) {
		return false
	}
	r.Each([]field.Field{field.Retry(field.MaxRetries), field.Retry(field.RetryOn), field.Retry(field.BackoffBase)}, func(v *draft.Outcome) { v.Written(r.InRoute("retry"), nil) })
	r.Each([]field.Field{field.Retry(field.BackoffPolicy)}, func(v *draft.Outcome) {
		v.Written(r.InRoute("retry"), nil)
		if r.BackoffPolicy != "constant" {
			v.Because(export.BackoffShape, "the same each time")
		}
	})
	return true
}

func (r *envoyRule) overridesRetry() {
	if r.Own.Retries {
		r.slots[overrideSlot].value = "Override"
	}
}

// agentgatewayConditions adds the conditions to the block. It reports whether there is any to retry on.
func (r *envoyRule) agentgatewayConditions(block map[string]any) bool {
	if r.RetryOn == nil {
		r.Each([]field.Field{field.Retry(field.MaxRetries)}, func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
		return true
	}
	list := slices.DeleteFunc(slices.Clone(r.RetryOn), func(word string) bool { return word == "5xx" })
	in := draft.InCodes(list, field.ConnectionWords)
	if len(list) < len(r.RetryOn) {
		block["condition"] = any5xx
	} else if in.Nothing() {
		r.Each(r.FieldsOf(field.RetryPolicy), func(v *draft.Outcome) {
			if !v.HasReason() {
				v.Because(export.NoField, agentgatewayTitle)
			}
		})
		return false
	}
	as := "spec.traffic.retry.condition"
	if len(in.Codes) > 0 {
		block["codes"], as = field.Anys(in.Codes), "spec.traffic.retry.codes"
	}
	v := r.Sheet.At(field.Retry(field.RetryOn)).Written(as, field.Anys(in.Codes))
	in.Judge(v, r.RetryOn, true)
	return true
}

func (r *envoyRule) agentgatewayLimits() {
	var entries []any
	for _, l := range r.Want.Limits {
		if l.Disabled {
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Written(export.Absent, nil) })
			if above := r.agentgatewayAbove(limitSlot, false); above != nil {
				r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.CannotClear, above.String()) })
			}
			continue
		}
		number, u, exact, ok := l.PerUnit(agentgatewayUnits, math.MaxInt32)
		switch {
		case l.Key != "" && l.Key != "All":
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.KeyNeedsGlobal, l.Key) })
			continue
		case !ok || !l.Capacity().IsInt64():
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.TooSmall) })
			continue
		case len(entries) == envoyRules:
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.LimitsFull, agentgatewayTitle, envoyRules, limitName(l)) })
			continue
		}
		entry := map[string]any{"requests": number, "unit": u.Name}
		more := min(max(l.Capacity().Int64()-number, 0), math.MaxInt32)
		if more > 0 {
			entry["burst"] = more
		}
		entries = append(entries, entry)
		r.need(limitSlot, entries, entry, r.LimitFields(l)...)
		head := r.Sheet.At(l.Head()).Note(export.PerInstance)
		if !exact {
			head.Because(export.Rounded, itoa(number)+" per "+strings.ToLower(strings.TrimSuffix(u.Name, "s")))
		}
		r.judgeBurst(l, number+more)
	}
}

// agentgatewayCounters compares what shares a bucket with what is asked for: every object has one
// bucket, and all its targets share it.
func (r *envoyRule) agentgatewayCounters(rules []*envoyRule, objects []export.Written) {
	sharing := slices.DeleteFunc(slices.Clone(rules), func(other *envoyRule) bool { return other.passed || other.Unique != "" })
	for _, l := range r.Want.Limits {
		if l.Disabled || r.slots[limitSlot].value == nil {
			continue
		}
		f := l.Head()
		if l.Counter != "" {
			f = l.Field(field.Counter)
		}
		switch {
		case l.Counter == "Gateway":
			r.Sheet.At(f).Because(export.CounterFiner, "route")
		case l.Counter == "Route" && len(objects) > 1:
			r.Sheet.At(f).Because(export.CounterFiner, "rule")
		case l.Counter != "Route" && r.Unique == "" && len(sharing) > 1:
			r.Sheet.At(f).Because(export.CounterCoarser)
		}
	}
}

// agentgatewayAbove returns a foreign policy above the rule that sets a slot. With locks, it returns only
// one that cannot be overridden.
func (r *envoyRule) agentgatewayAbove(at slotName, locks bool) *export.Foreign {
	for _, p := range r.Paths {
		f := r.In.Above(p)
		if f == nil || !agentgatewaySets(specOf(f), at) {
			continue
		}
		inheritance, _, _ := unstructured.NestedString(specOf(f), "strategy", "inheritance")
		if !locks || inheritance == "Override" {
			return f
		}
	}
	return nil
}

// agentgatewayLocked drops the needs that a foreign policy above the rule does not allow to override
// (E11.5).
func (r *envoyRule) agentgatewayLocked() {
	for _, at := range [...]slotName{requestSlot, retrySlot, limitSlot} {
		f := r.agentgatewayAbove(at, true)
		if f == nil || r.slots[at].value == nil {
			continue
		}
		r.Each(r.slots[at].fields, func(v *draft.Outcome) { v.Because(export.ForeignPolicy, f.String()) })
		r.slots[at] = slot{}
	}
}

func agentgatewaySpec(n needs) map[string]any {
	traffic := map[string]any{}
	if v := n[requestSlot].value; v != nil {
		traffic["timeouts"] = map[string]any{"request": v}
	}
	if v := n[retrySlot].value; v != nil {
		traffic["retry"] = v
	}
	if v := n[limitSlot].value; v != nil {
		traffic["rateLimit"] = map[string]any{"local": v}
	}
	if len(traffic) == 0 {
		return nil
	}
	spec := map[string]any{"traffic": traffic}
	if v := n[overrideSlot].value; v != nil {
		spec["strategy"] = map[string]any{"inheritance": v}
	}
	return spec
}
