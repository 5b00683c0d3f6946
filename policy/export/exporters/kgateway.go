package exporters

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// kgatewayExporter writes a TrafficPolicy for each target (12.K).
type kgatewayExporter struct{}

// Name implements Exporter.
func (kgatewayExporter) Name() string { return export.Kgateway }

const kgatewayTitle = "kgateway"

// trafficPolicy is the kind that it writes, in the version whose fields it knows.
var trafficPolicy = export.Kind{Group: "gateway.kgateway.dev", Version: "v1alpha1", Kind: "TrafficPolicy", Plural: "trafficpolicies"}

var kgatewayPlane = &envoyPlane{
	title: kgatewayTitle,
	places: [slots]string{
		requestSlot: "spec.timeouts.request", idleSlot: "spec.timeouts.streamIdle",
		retrySlot: "spec.retry", limitSlot: "spec.rateLimit.local",
	},
	retry: (*envoyRule).kgatewayRetry,
}

// Project implements Exporter.
func (kgatewayExporter) Project(in export.Input) export.Projection {
	if p, done := draft.RefusedWhole(&in, kgatewayTitle); done {
		return p
	}
	if in.Route.Kind != "HTTPRoute" && in.Route.Kind != "GRPCRoute" {
		return draft.Refused(&in, kgatewayTitle, export.RouteKind, kgatewayTitle, in.Route.Kind)
	}
	common := draft.RulesOf(&in, kgatewayTitle)
	rules := make([]*envoyRule, len(common))
	for i, r := range common {
		rules[i] = &envoyRule{Rule: r, on: kgatewayPlane}
		rules[i].kgateway()
	}
	plane := mergingPlane{in: &in, exporter: export.Kgateway, kind: trafficPolicy, spec: kgatewaySpec}
	plane.settle(rules, func(spec map[string]any, at slotName) bool { return kgatewaySets(spec, at) })
	objects := plane.objects(rules, false)
	return export.NewProjection(objects, draft.Injections(common), draft.OutcomesOf(&in, common, kgatewayTitle))
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
		r.RefuseNotProxied()
		r.passed = true
		return
	}
	for _, p := range r.Paths {
		if f := r.In.Above(p); f != nil {
			r.parents = append(r.parents, specOf(f))
		}
	}
	r.Each([]field.Field{field.Timeout(field.Connect)}, func(v *draft.Outcome) { v.Because(export.PerService, kgatewayTitle) })
	r.tries()
	r.idle()
	r.kgatewayLimits()
}

// kgatewayRetry needs the retry stanza. Its CRD always requires a condition, and a time per try that is
// shorter than the request timeout (12.K2).
func (r *envoyRule) kgatewayRetry(perTry *field.Duration) {
	if !r.Has(field.RetryPolicy) {
		return
	}
	const at = "spec.retry"
	if r.NoRetries() {
		r.need(retrySlot, map[string]any{"attempts": int64(0), "retryOn": []any{"connect-failure"}}, int64(0), field.Retry(field.MaxRetries))
		r.Sheet.At(field.Retry(field.MaxRetries)).Written(at+".attempts", int64(0))
		r.WithoutRetries()
		return
	}
	block := map[string]any{}
	if r.MaxRetries != nil {
		block["attempts"] = *r.MaxRetries
		r.Sheet.At(field.Retry(field.MaxRetries)).Written(at+".attempts", *r.MaxRetries)
	} else {
		r.Each(r.FieldsOf(field.RetryPolicy), func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
	}
	r.kgatewayConditions(block)
	switch {
	case perTry == nil:
	case !perTry.Limits() || (r.Want.Request.Limits() && field.Within(r.Want.Request, perTry)):
		r.Each(tryFields, func(v *draft.Outcome) { v.Written(export.Absent, nil).Note(export.Subsumed) })
	default:
		block["perTryTimeout"] = perTry.Text
		r.Each(tryFields, func(v *draft.Outcome) { v.Written(at+".perTryTimeout", perTry.Text) })
	}
	r.kgatewayBackoff(block)
	r.slots[retrySlot].value = block
	r.slots[retrySlot].fields = append(r.FieldsOf(field.RetryPolicy), field.Timeout(field.Backend))
}

func (r *envoyRule) kgatewayConditions(block map[string]any) {
	if r.RetryOn == nil {
		block["retryOn"] = field.Anys([]string{"connect-failure", "refused-stream", "unavailable", "cancelled"})
		block["statusCodes"] = []any{int64(503)}
		r.Each([]field.Field{field.Retry(field.MaxRetries)}, func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
		return
	}
	w := field.SplitWords(r.RetryOn)
	as := "spec.retry.statusCodes"
	if on := slices.Concat(w.Conditions, w.Statuses); len(on) > 0 {
		block["retryOn"], as = field.Anys(on), "spec.retry.retryOn"
	}
	if len(w.Codes) > 0 {
		block["statusCodes"] = field.Anys(w.Codes)
	}
	r.Sheet.At(field.Retry(field.RetryOn)).Written(as, field.Anys(r.RetryOn))
}

// kgatewayBackoff writes the base interval. The longest interval is always ten times as long.
func (r *envoyRule) kgatewayBackoff(block map[string]any) {
	const at = "spec.retry.backoffBaseInterval"
	base, most, written := r.backoffTimes()
	if !written {
		r.Each([]field.Field{field.Retry(field.BackoffPolicy), field.Retry(field.BackoffMax)}, func(v *draft.Outcome) { v.Written(export.Absent, nil) })
		return
	}
	block["backoffBaseInterval"] = base.Text
	r.Each([]field.Field{field.Retry(field.BackoffBase), field.Retry(field.BackoffPolicy)}, func(v *draft.Outcome) { v.Written(at, base.Text) })
	r.Each([]field.Field{field.Retry(field.BackoffMax)}, func(v *draft.Outcome) {
		v.Written(at, base.Text)
		if r.BackoffMax.Limits() && most.Duration != 10*base.Duration {
			v.Because(export.BackoffShape, "up to "+field.DurationOf(10*base.Duration).Text)
		}
	})
}

// kgatewayLimits needs one limit: there is one bucket, for all clients.
func (r *envoyRule) kgatewayLimits() {
	disabled := false
	for _, l := range r.Want.Limits {
		switch {
		case l.Disabled:
			disabled = true
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Written(export.Absent, nil) })
		case l.Key != "" && l.Key != "All":
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.KeyNeedsGlobal, l.Key) })
		case r.slots[limitSlot].value != nil:
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.LimitsFull, kgatewayTitle, 1, limitName(l)) })
		default:
			r.tokenBucket(l)
		}
	}
	above := slices.ContainsFunc(r.parents, func(parent map[string]any) bool { return kgatewaySets(parent, limitSlot) })
	if disabled && above && r.slots[limitSlot].value == nil {
		r.need(limitSlot, map[string]any{}, map[string]any{}, field.Field{Policy: field.RateLimitPolicy, Name: field.Mode})
	}
}

func (r *envoyRule) tokenBucket(l *draft.Limit) {
	tokens, seconds, ok := l.PerSeconds()
	if !ok || !l.Capacity().IsInt64() {
		r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.TooSmall) })
		return
	}
	most := max(l.Capacity().Int64(), tokens)
	bucket := map[string]any{"maxTokens": most, "tokensPerFill": tokens, "fillInterval": itoa(seconds) + "s"}
	r.need(limitSlot, map[string]any{"tokenBucket": bucket}, bucket, r.LimitFields(l)...)
	r.Sheet.At(l.Head()).Note(export.PerInstance)
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
