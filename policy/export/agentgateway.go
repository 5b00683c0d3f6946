package export

import (
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// agentgatewayExporter writes an AgentgatewayPolicy for each target (12.A).
type agentgatewayExporter struct{}

// Name implements Exporter.
func (agentgatewayExporter) Name() string { return Agentgateway }

const agentgatewayTitle = "agentgateway"

// agentgatewayPolicy is the kind that it writes, in the version whose fields it knows.
var agentgatewayPolicy = Kind{Group: "agentgateway.dev", Version: "v1alpha1", Kind: "AgentgatewayPolicy", Plural: "agentgatewaypolicies"}

// any5xx is the only expression that is ever written.
const any5xx = "response.code >= 500 && response.code <= 599"

var agentgatewayPlane = &envoyPlane{
	title: agentgatewayTitle,
	places: [slots]string{
		requestSlot: "spec.traffic.timeouts.request", retrySlot: "spec.traffic.retry", limitSlot: "spec.traffic.rateLimit.local",
	},
}

// agentgatewayUnits are the units of its limits, the shortest first.
var agentgatewayUnits = []unit{
	{name: "Seconds", size: time.Second}, {name: "Minutes", size: time.Minute}, {name: "Hours", size: time.Hour},
}

// overrideSlot has a value if the object overrides what the route itself states.
const overrideSlot = idleSlot

// Project implements Exporter.
func (agentgatewayExporter) Project(in Input) Projection {
	if p, done := refusedWhole(&in, agentgatewayTitle); done {
		return p
	}
	if in.Route.Kind != "HTTPRoute" && in.Route.Kind != "GRPCRoute" {
		return refused(&in, agentgatewayTitle, RouteKind, agentgatewayTitle, in.Route.Kind)
	}
	common := rulesOf(&in, agentgatewayTitle)
	rules := make([]*envoyRule, len(common))
	apart := false
	for i, r := range common {
		rules[i] = &envoyRule{rule: r, on: agentgatewayPlane}
		rules[i].agentgateway()
		for _, l := range r.want.limits {
			apart = apart || (rules[i].slots[limitSlot].value != nil && !l.disabled && l.counter != "Route" && l.counter != "Gateway")
		}
	}
	plane := mergingPlane{in: &in, exporter: Agentgateway, kind: agentgatewayPolicy, spec: agentgatewaySpec}
	plane.settle(rules, agentgatewaySets)
	objects := plane.objects(rules, apart)
	for _, r := range rules {
		r.agentgatewayCounters(rules, objects)
	}
	sortObjects(objects)
	return Projection{Objects: objects, Outcomes: outcomesOf(&in, common, agentgatewayTitle)}
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
		r.refuseNotProxied()
		r.passed = true
		return
	}
	r.each([]Field{timeout(idle)}, func(v *verdict) { v.because(NoField, agentgatewayTitle) })
	r.each([]Field{timeout(connect)}, func(v *verdict) { v.because(PerService, agentgatewayTitle) })
	r.subsume()
	r.agentgatewayTimes()
	r.agentgatewayRetry()
	r.agentgatewayLimits()
	r.agentgatewayLocked()
}

// agentgatewayTimes needs the timeouts. What the rule itself states takes precedence, unless the object
// overrides it, which replaces the whole block (12.A3).
func (r *envoyRule) agentgatewayTimes() {
	whole, fields := r.want.request, []Field{timeout(request)}
	perTry := r.perTry()
	ownBackend := r.own.backend != nil
	switch {
	case ownBackend && same(perTry, r.own.backend):
		r.each(tryFields, func(v *verdict) { v.written(r.inRoute(leafBackend), r.own.backend.text) })
	case ownBackend:
		r.each(tryFields, r.inlineWins(leafBackend))
	case !r.retries() && perTry.limits():
		whole, fields = shorter(whole, perTry), allTimers
	default:
		r.each(tryFields, func(v *verdict) { v.because(PerService, agentgatewayTitle) })
	}
	if r.in.Route.Kind == "GRPCRoute" {
		r.each(fields, func(v *verdict) { v.because(RouteKind, agentgatewayTitle, r.in.Route.Kind) })
		return
	}
	switch {
	case r.own.request != nil && same(whole, r.own.request):
		r.each(fields, func(v *verdict) { v.written(r.inRoute(leafRequest), r.own.request.text) })
		return
	case !whole.limits():
		r.each(fields, func(v *verdict) { v.written(Absent, nil) })
		if !r.own.request.limits() {
			return
		}
		r.each(fields, r.inlineWins(leafRequest)) // leaving it out does not override what the rule states
		return
	}
	r.need(requestSlot, whole.text, whole.text, fields...)
	if r.own.request != nil || ownBackend {
		r.slots[overrideSlot].value = "Override"
	}
	if ownBackend {
		r.each(tryFields, func(v *verdict) {
			*v = verdict{}
			v.stated(InlineWins, "lost to the override of request")
		})
	}
}

func (r *envoyRule) agentgatewayRetry() {
	if !r.has(RetryPolicy) {
		return
	}
	const at = "spec.traffic.retry"
	if r.noRetries() {
		r.need(retrySlot, map[string]any{"attempts": int64(1), "precondition": "false"}, int64(0), retry(maxRetries))
		r.withoutRetries()
		r.overridesRetry()
		return
	}
	number := int64(1)
	if r.maxRetries != nil {
		number = *r.maxRetries
	} else {
		r.each(r.all(RetryPolicy), func(v *verdict) { v.note(DataPlaneDefault) })
	}
	if r.agentgatewaySame(number) {
		return
	}
	block := map[string]any{"attempts": number}
	r.each([]Field{retry(maxRetries)}, func(v *verdict) { v.written(at+".attempts", number) })
	if !r.agentgatewayConditions(block) {
		return
	}
	r.each([]Field{retry(backoffMax)}, func(v *verdict) { v.because(NoField, agentgatewayTitle) })
	base := r.backoffBase
	if base.limits() {
		block["backoff"] = base.text
	}
	r.each([]Field{retry(backoffBase)}, func(v *verdict) { v.written(at+".backoff", base.text) })
	r.each([]Field{retry(backoffPolicy)}, func(v *verdict) {
		v.written(at+".backoff", textOf(base))
		if r.backoffPolicy != "constant" {
			v.because(BackoffShape, "the same each time")
		}
	})
	r.slots[retrySlot].value = block
	r.slots[retrySlot].fields = r.all(RetryPolicy)
	r.overridesRetry()
}

// agentgatewaySame reports whether the rule's own retry stanza is what the policy asks for. If so, the
// object does not repeat it.
func (r *envoyRule) agentgatewaySame(number int64) bool {
	own := r.own
	if !own.retries || own.attempts == nil || *own.attempts != number || !slices.Equal(own.codes, r.retryOn) || !same(own.backoff, r.backoffBase) {
		return false
	}
	r.each([]Field{retry(maxRetries), retry(retryOn), retry(backoffBase)}, func(v *verdict) { v.written(r.inRoute("retry"), nil) })
	r.each([]Field{retry(backoffPolicy)}, func(v *verdict) {
		v.written(r.inRoute("retry"), nil)
		if r.backoffPolicy != "constant" {
			v.because(BackoffShape, "the same each time")
		}
	})
	return true
}

func (r *envoyRule) overridesRetry() {
	if r.own.retries {
		r.slots[overrideSlot].value = "Override"
	}
}

// agentgatewayConditions adds the conditions to the block. It reports whether there is any to retry on.
func (r *envoyRule) agentgatewayConditions(block map[string]any) bool {
	if r.retryOn == nil {
		r.each([]Field{retry(maxRetries)}, func(v *verdict) { v.note(DataPlaneDefault) })
		return true
	}
	list := slices.DeleteFunc(slices.Clone(r.retryOn), func(word string) bool { return word == "5xx" })
	in := inCodes(list, connectionWords)
	if len(list) < len(r.retryOn) {
		block["condition"] = any5xx
	} else if in.nothing() {
		r.each(r.all(RetryPolicy), func(v *verdict) {
			if !v.hasReason() {
				v.because(NoField, agentgatewayTitle)
			}
		})
		return false
	}
	as := "spec.traffic.retry.condition"
	if len(in.codes) > 0 {
		block["codes"], as = anys(in.codes), "spec.traffic.retry.codes"
	}
	v := r.sheet.at(retry(retryOn)).written(as, anys(in.codes))
	in.judge(v, r.retryOn, true)
	return true
}

func (r *envoyRule) agentgatewayLimits() {
	var entries []any
	for _, l := range r.want.limits {
		if l.disabled {
			r.each(r.of(l), func(v *verdict) { v.written(Absent, nil) })
			if above := r.agentgatewayAbove(limitSlot, false); above != nil {
				r.each(r.of(l), func(v *verdict) { v.because(CannotClear, above.name()) })
			}
			continue
		}
		number, u, exact, ok := l.perUnit(agentgatewayUnits, math.MaxInt32)
		switch {
		case l.key != "" && l.key != "All":
			r.each(r.of(l), func(v *verdict) { v.because(KeyNeedsGlobal, l.key) })
			continue
		case !ok || !l.capacity().IsInt64():
			r.each(r.of(l), func(v *verdict) { v.because(TooSmall) })
			continue
		case len(entries) == envoyRules:
			r.each(r.of(l), func(v *verdict) { v.because(LimitsFull, agentgatewayTitle, envoyRules, limitName(l)) })
			continue
		}
		entry := map[string]any{"requests": number, "unit": u.name}
		more := min(max(l.capacity().Int64()-number, 0), math.MaxInt32)
		if more > 0 {
			entry["burst"] = more
		}
		entries = append(entries, entry)
		r.need(limitSlot, entries, entry, r.of(l)...)
		head := r.sheet.at(l.head()).note(PerInstance)
		if !exact {
			head.because(Rounded, itoa(number)+" per "+strings.ToLower(strings.TrimSuffix(u.name, "s")))
		}
		r.judgeBurst(l, number+more)
	}
}

// agentgatewayCounters compares what shares a bucket with what is asked for: every object has one
// bucket, and all its targets share it.
func (r *envoyRule) agentgatewayCounters(rules []*envoyRule, objects []*unstructured.Unstructured) {
	sharing := slices.DeleteFunc(slices.Clone(rules), func(other *envoyRule) bool { return other.passed || other.unique != "" })
	for _, l := range r.want.limits {
		if l.disabled || r.slots[limitSlot].value == nil {
			continue
		}
		f := l.head()
		if l.counter != "" {
			f = l.field(counter)
		}
		switch {
		case l.counter == "Gateway":
			r.sheet.at(f).because(CounterFiner, "route")
		case l.counter == "Route" && len(objects) > 1:
			r.sheet.at(f).because(CounterFiner, "rule")
		case l.counter != "Route" && r.unique == "" && len(sharing) > 1:
			r.sheet.at(f).because(CounterCoarser)
		}
	}
}

// agentgatewayAbove returns a foreign policy above the rule that sets a slot. With locks, it returns only
// one that cannot be overridden.
func (r *envoyRule) agentgatewayAbove(at slotName, locks bool) *Foreign {
	for _, p := range r.paths {
		f := r.in.above(p)
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
		r.each(r.slots[at].fields, func(v *verdict) { v.because(ForeignPolicy, f.name()) })
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
