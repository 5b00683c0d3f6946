package export

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kgatewayExporter writes a TrafficPolicy for each target (12.K).
type kgatewayExporter struct{}

// Name implements Exporter.
func (kgatewayExporter) Name() string { return Kgateway }

const kgatewayTitle = "kgateway"

// trafficPolicy is the kind that it writes, in the version whose fields it knows.
var trafficPolicy = Kind{Group: "gateway.kgateway.dev", Version: "v1alpha1", Kind: "TrafficPolicy", Plural: "trafficpolicies"}

var kgatewayPlane = &envoyPlane{
	title: kgatewayTitle,
	places: [slots]string{
		requestSlot: "spec.timeouts.request", idleSlot: "spec.timeouts.streamIdle",
		retrySlot: "spec.retry", limitSlot: "spec.rateLimit.local",
	},
	retry: (*envoyRule).kgatewayRetry,
}

// Project implements Exporter.
func (kgatewayExporter) Project(in Input) Projection {
	if p, done := refusedWhole(&in, kgatewayTitle); done {
		return p
	}
	if in.Route.Kind != "HTTPRoute" && in.Route.Kind != "GRPCRoute" {
		return refused(&in, kgatewayTitle, RouteKind, kgatewayTitle, in.Route.Kind)
	}
	common := rulesOf(&in, kgatewayTitle)
	rules := make([]*envoyRule, len(common))
	for i, r := range common {
		rules[i] = &envoyRule{rule: r, on: kgatewayPlane}
		rules[i].kgateway()
	}
	plane := mergingPlane{in: &in, exporter: Kgateway, kind: trafficPolicy, spec: kgatewaySpec}
	plane.settle(rules, func(spec map[string]any, at slotName) bool { return kgatewaySets(spec, at) })
	objects := plane.objects(rules, false)
	sortObjects(objects)
	return Projection{Objects: objects, Rules: injections(common), Outcomes: outcomesOf(&in, common, kgatewayTitle)}
}

func kgatewaySets(spec map[string]any, at slotName) bool {
	path := map[slotName][]string{requestSlot: {"timeouts"}, idleSlot: {"timeouts"}, retrySlot: {"retry"}, limitSlot: {"rateLimit", "local"}}[at]
	if path == nil {
		return false
	}
	_, found, _ := unstructured.NestedFieldNoCopy(spec, path...)
	return found
}

// kgateway determines what the rule needs.
func (r *envoyRule) kgateway() {
	if r.Answers {
		r.refuseNotProxied()
		r.passed = true
		return
	}
	for _, p := range r.paths {
		if f := r.in.above(p); f != nil {
			r.parents = append(r.parents, specOf(f))
		}
	}
	r.each([]Field{timeout(connect)}, func(v *verdict) { v.because(PerService, kgatewayTitle) })
	r.tries()
	r.idle()
	r.kgatewayLimits()
}

// kgatewayRetry needs the retry stanza. Its CRD always requires a condition, and a time per try that is
// shorter than the request timeout (12.K2).
func (r *envoyRule) kgatewayRetry(perTry *duration) {
	if !r.has(RetryPolicy) {
		return
	}
	const at = "spec.retry"
	if r.noRetries() {
		r.need(retrySlot, map[string]any{"attempts": int64(0), "retryOn": []any{"connect-failure"}}, int64(0), retry(maxRetries))
		r.sheet.at(retry(maxRetries)).written(at+".attempts", int64(0))
		r.withoutRetries()
		return
	}
	block := map[string]any{}
	if r.maxRetries != nil {
		block["attempts"] = *r.maxRetries
		r.sheet.at(retry(maxRetries)).written(at+".attempts", *r.maxRetries)
	} else {
		r.each(r.all(RetryPolicy), func(v *verdict) { v.note(DataPlaneDefault) })
	}
	r.kgatewayConditions(block)
	switch {
	case perTry == nil:
	case !perTry.limits() || (r.want.request.limits() && within(r.want.request, perTry)):
		r.each(tryFields, func(v *verdict) { v.written(Absent, nil).note(Subsumed) })
	default:
		block["perTryTimeout"] = perTry.text
		r.each(tryFields, func(v *verdict) { v.written(at+".perTryTimeout", perTry.text) })
	}
	r.kgatewayBackoff(block)
	r.slots[retrySlot].value = block
	r.slots[retrySlot].fields = append(r.all(RetryPolicy), timeout(backend))
}

func (r *envoyRule) kgatewayConditions(block map[string]any) {
	if r.retryOn == nil {
		block["retryOn"] = anys([]string{"connect-failure", "refused-stream", "unavailable", "cancelled"})
		block["statusCodes"] = []any{int64(503)}
		r.each([]Field{retry(maxRetries)}, func(v *verdict) { v.note(DataPlaneDefault) })
		return
	}
	w := splitWords(r.retryOn)
	as := "spec.retry.statusCodes"
	if on := slices.Concat(w.conditions, w.statuses); len(on) > 0 {
		block["retryOn"], as = anys(on), "spec.retry.retryOn"
	}
	if len(w.codes) > 0 {
		block["statusCodes"] = anys(w.codes)
	}
	r.sheet.at(retry(retryOn)).written(as, anys(r.retryOn))
}

// kgatewayBackoff writes the base interval. The longest interval is always ten times as long.
func (r *envoyRule) kgatewayBackoff(block map[string]any) {
	const at = "spec.retry.backoffBaseInterval"
	base, most, written := r.backoffTimes()
	if !written {
		r.each([]Field{retry(backoffPolicy), retry(backoffMax)}, func(v *verdict) { v.written(Absent, nil) })
		return
	}
	block["backoffBaseInterval"] = base.text
	r.each([]Field{retry(backoffBase), retry(backoffPolicy)}, func(v *verdict) { v.written(at, base.text) })
	r.each([]Field{retry(backoffMax)}, func(v *verdict) {
		v.written(at, base.text)
		if r.backoffMax.limits() && most.Duration != 10*base.Duration {
			v.because(BackoffShape, "up to "+of(10*base.Duration).text)
		}
	})
}

// kgatewayLimits needs one limit: there is one bucket, for all clients.
func (r *envoyRule) kgatewayLimits() {
	disabled := false
	for _, l := range r.want.limits {
		switch {
		case l.disabled:
			disabled = true
			r.each(r.of(l), func(v *verdict) { v.written(Absent, nil) })
		case l.key != "" && l.key != "All":
			r.each(r.of(l), func(v *verdict) { v.because(KeyNeedsGlobal, l.key) })
		case r.slots[limitSlot].value != nil:
			r.each(r.of(l), func(v *verdict) { v.because(LimitsFull, kgatewayTitle, 1, limitName(l)) })
		default:
			r.tokenBucket(l)
		}
	}
	above := slices.ContainsFunc(r.parents, func(parent map[string]any) bool { return kgatewaySets(parent, limitSlot) })
	if disabled && above && r.slots[limitSlot].value == nil {
		r.need(limitSlot, map[string]any{}, map[string]any{}, Field{Policy: RateLimitPolicy, Name: mode})
	}
}

func (r *envoyRule) tokenBucket(l *limit) {
	tokens, seconds, ok := l.perSeconds()
	if !ok || !l.capacity().IsInt64() {
		r.each(r.of(l), func(v *verdict) { v.because(TooSmall) })
		return
	}
	most := max(l.capacity().Int64(), tokens)
	bucket := map[string]any{"maxTokens": most, "tokensPerFill": tokens, "fillInterval": itoa(seconds) + "s"}
	r.need(limitSlot, map[string]any{"tokenBucket": bucket}, bucket, r.of(l)...)
	r.sheet.at(l.head()).note(PerInstance)
	r.judgeBurst(l, most)
	r.judgeCounter(l)
}

func kgatewaySpec(n needs) map[string]any {
	spec, timeouts := map[string]any{}, map[string]any{}
	if v := n[requestSlot].value; v != nil {
		timeouts["request"] = v
	}
	if v := n[idleSlot].value; v != nil {
		timeouts["streamIdle"] = v
	}
	if len(timeouts) > 0 {
		spec["timeouts"] = timeouts
	}
	if v := n[retrySlot].value; v != nil {
		spec["retry"] = v
	}
	if v := n[limitSlot].value; v != nil {
		spec["rateLimit"] = map[string]any{"local": v}
	}
	return spec
}
