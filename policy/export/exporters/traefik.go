package exporters

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/attache-dev/attache/policy/export"
	"github.com/attache-dev/attache/policy/export/draft"
	"github.com/attache-dev/attache/policy/export/field"
)

// traefikExporter writes Middlewares, and filters that name them (12.T).
type traefikExporter struct{}

// Name implements Exporter.
func (traefikExporter) Name() string { return export.Traefik }

const traefikTitle = "Traefik"

// beyondList is a depth that no X-Forwarded-For list has. The source is then empty, so all clients share
// one counter. Traefik has no setting for that (12.T2).
const beyondList = 1<<31 - 1

// traefikRule is a rule with its Middlewares.
type traefikRule struct {
	*draft.Rule
	first, last []export.Written
	// written are the fields whose values stand in Middlewares, with the name of each.
	written map[field.Field]string
}

// Project implements Exporter.
func (e traefikExporter) Project(in export.Input) export.Projection {
	if p, done := draft.RefusedWhole(&in, traefikTitle); done {
		return p
	}
	if in.Route.Kind != "HTTPRoute" && in.Route.Kind != "GRPCRoute" {
		return draft.Refused(&in, traefikTitle, export.RouteKind, traefikTitle, in.Route.Kind)
	}
	var injections []export.RuleInjection
	var objects []export.Written
	rules := draft.RulesOf(&in, traefikTitle)
	for _, common := range rules {
		r := &traefikRule{Rule: common, written: map[field.Field]string{}}
		r.read()
		if !r.attach() {
			continue
		}
		injection := export.RuleInjection{Rule: r.Index}
		for _, o := range r.first {
			injection.First = append(injection.First, o.GetName())
		}
		for _, o := range r.last {
			injection.Last = append(injection.Last, o.GetName())
		}
		injections = append(injections, injection)
		objects = append(objects, slices.Concat(r.first, r.last)...)
	}
	return export.NewProjection(objects, injections, draft.OutcomesOf(&in, rules, traefikTitle))
}

// read makes the Middlewares of the rule and the drafts of its fields.
func (r *traefikRule) read() {
	if r.Answers {
		r.RefuseNotProxied()
		return
	}
	r.Each([]field.Field{field.Timeout(field.Request)}, func(v *draft.Outcome) { v.Because(export.NoField, traefikTitle) })
	r.Each([]field.Field{field.Timeout(field.Backend), field.Timeout(field.Connect), field.Timeout(field.Idle), field.Retry(field.PerTryTimeout)}, func(v *draft.Outcome) { v.Because(export.BackendNotRewritten) })
	for _, l := range r.Want.Limits {
		if l.Disabled {
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Written(export.Absent, nil) })
			continue
		}
		r.limit(l)
	}
	r.retry()
	r.keep()
}

// keep keeps the live Middlewares for policy kinds that have become invalid on all paths of the rule
// (E2.3). No Middleware is ever made of an invalid kind.
func (r *traefikRule) keep() {
	purpose := r.middleware("", nil).GetAnnotations()[export.ForAnnotation]
	for _, kind := range [...]struct{ policy, field string }{{field.RateLimitPolicy, "rateLimit"}, {field.RetryPolicy, "retry"}} {
		if _, invalid := r.Invalid[kind.policy]; !invalid {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(r.In.Held)) {
			live := r.In.Held[name]
			spec, _, _ := unstructured.NestedMap(live.Object, "spec") // a copy
			if spec[kind.field] == nil || live.GetAnnotations()[export.ForAnnotation] != purpose {
				continue
			}
			object := r.middleware("", spec)
			object.SetName(name)
			if kind.policy == field.RateLimitPolicy {
				r.first = append(r.first, object)
			} else {
				r.last = append(r.last, object)
			}
			for f := range field.Leaves(kind.policy, r.Paths[0].Effective.Values[kind.policy]) {
				r.Sheet.At(f).Note(export.Kept)
			}
		}
	}
}

func (r *traefikRule) middleware(part string, spec map[string]any) export.Written {
	at := export.Target{Exporter: export.Traefik, Kind: export.TraefikMiddleware, Route: r.In.Route, Rule: r.Unique, Part: part}
	if r.Unique == "" {
		at.Rule = unnamedRule + r.Hash
	}
	return at.Write(r.In, spec)
}

// unnamedRule is put before the hash of a rule without a name of its own.
const unnamedRule = "~"

func (r *traefikRule) limit(l *draft.Limit) {
	average, seconds, ok := l.PerSeconds()
	if !ok || !l.Capacity().IsInt64() {
		r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.TooSmall) })
		return
	}
	source := map[string]any{"ipStrategy": map[string]any{"depth": int64(beyondList)}}
	if header, ok := l.Header(); ok {
		if !headerName(header) {
			r.Each(r.LimitFields(l), func(v *draft.Outcome) { v.Because(export.HeaderName, header) })
			return
		}
		source = map[string]any{"requestHeaderName": header}
	} else if l.Key == "ClientIP" {
		source = map[string]any{"ipStrategy": map[string]any{}}
	}
	part := export.LimitPart
	if l.Named() {
		part += "/" + l.Name
	}
	period := itoa(seconds) + "s"
	object := r.middleware(part, map[string]any{"rateLimit": map[string]any{
		"average": average, "period": period, "burst": l.Capacity().Int64(), "sourceCriterion": source,
	}})
	r.first = append(r.first, object)
	for _, f := range r.LimitFields(l) {
		r.says(f, object, "spec.rateLimit", nil)
	}
	r.says(l.Head(), object, "spec.rateLimit.average", itoa(average)+" per "+period)
	r.Sheet.At(l.Head()).Note(export.PerInstance, export.ResetsOnReload)
	r.says(l.Field(field.Burst), object, "spec.rateLimit.burst", l.Capacity().Int64())
	r.says(l.Field(field.Key), object, "spec.rateLimit.sourceCriterion", source)
	finer := ""
	switch {
	case l.Counter == "Gateway":
		finer = "route"
	case l.Counter == "Route" && len(r.In.Rules) > 1:
		finer = "rule"
	case l.Counter == "Route" || r.Matches > 1:
		finer = "router (listener, rule and match)"
	}
	if finer != "" {
		f := l.Head()
		if l.Counter != "" {
			f = l.Field(field.Counter)
		}
		r.Sheet.At(f).Because(export.CounterFiner, finer)
	}
}

// says records that the value of a field stands in an object.
func (r *traefikRule) says(f field.Field, object export.Written, as string, value any) {
	if !r.States(f) {
		return
	}
	v := r.Sheet.At(f).Written(as, value)
	v.Object = object.For.Key()
	r.written[f] = object.GetName()
}

func (r *traefikRule) retry() {
	if r.NoRetries() {
		r.Sheet.At(field.Retry(field.MaxRetries)).Written(export.Absent, nil)
		for _, f := range r.FieldsOf(field.RetryPolicy) {
			if f.Name != field.MaxRetries && f.Name != field.PerTryTimeout {
				r.Sheet.At(f).Written(export.Absent, nil).Note(export.Subsumed)
			}
		}
		return
	}
	if r.MaxRetries == nil && r.RetryOn == nil && r.BackoffPolicy == "" && r.BackoffBase == nil && r.BackoffMax == nil {
		return // perTryTimeout alone does not ask for retries
	}
	number := int64(1)
	if r.MaxRetries != nil {
		number = *r.MaxRetries
	}
	status, network, dropped := r.statuses()
	if r.RetryOn != nil && len(status) == 0 && !network {
		r.Each(r.FieldsOf(field.RetryPolicy), func(v *draft.Outcome) {
			if !v.HasReason() {
				v.Because(export.NoField, traefikTitle)
			}
		})
		return
	}
	spec := map[string]any{"attempts": number + 1} // Traefik counts the first try
	object := r.middleware(export.RetryPart, map[string]any{"retry": spec})
	r.last = append(r.last, object)
	r.says(field.Retry(field.MaxRetries), object, "spec.retry.attempts", number+1)
	if len(status) > 0 {
		spec["status"] = field.Anys(status)
		r.Each([]field.Field{field.Retry(field.MaxRetries)}, func(v *draft.Outcome) { v.Because(export.IdempotentOnly) })
	}
	if r.RetryOn != nil && !network {
		spec["disableRetryOnNetworkError"] = true
	}
	if len(status) > 0 {
		r.says(field.Retry(field.RetryOn), object, "spec.retry.status", field.Anys(status))
	} else {
		r.says(field.Retry(field.RetryOn), object, "spec.retry", nil) // there is no setting for connection errors only
	}
	if len(dropped) > 0 {
		r.Sheet.At(field.Retry(field.RetryOn)).Because(export.ConditionsDropped, strings.Join(dropped, ", "))
	}
	if r.RetryOn == nil {
		r.Each([]field.Field{field.Retry(field.MaxRetries)}, func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
	}
	if r.MaxRetries == nil {
		r.Each(r.FieldsOf(field.RetryPolicy), func(v *draft.Outcome) { v.Note(export.DataPlaneDefault) })
	}
	r.waits(object, spec, number)
}

// waits writes the time between tries. It grows to at most twice the base.
func (r *traefikRule) waits(object export.Written, spec map[string]any, number int64) {
	shape := "not at all"
	if r.BackoffBase.Limits() {
		spec["initialInterval"] = r.BackoffBase.Text
		shape = r.BackoffBase.Text + " at first, and at most twice that"
	}
	as := "spec.retry.initialInterval"
	if !r.BackoffBase.Limits() {
		as = export.Absent // it tries again at once
	}
	r.says(field.Retry(field.BackoffBase), object, as, textOf(r.BackoffBase))
	for _, f := range []field.Field{field.Retry(field.BackoffPolicy), field.Retry(field.BackoffMax)} {
		r.says(f, object, as, textOf(r.BackoffBase))
		if r.States(f) && number != 1 {
			r.Sheet.At(f).Because(export.BackoffShape, shape)
		}
	}
}

// statuses returns retryOn as ranges of status codes, whether it includes connection errors, and the words
// that have no counterpart.
func (r *traefikRule) statuses() (status []string, network bool, dropped []string) {
	w := field.SplitWords(r.RetryOn)
	codes := slices.Clone(w.Codes)
	for _, word := range w.Conditions {
		switch word {
		case "5xx":
			network = true
			for code := int64(500); code <= 599; code++ {
				codes = append(codes, code)
			}
		case "connect-failure":
			network = true
		case "reset", "refused-stream":
			dropped = append(dropped, word)
		default:
			codes = append(codes, field.CodesOf(word)...)
		}
	}
	slices.Sort(codes)
	return ranges(slices.Compact(codes)), network, append(dropped, w.Statuses...)
}

// ranges writes codes as Traefik reads them, adjacent codes as a range.
func ranges(codes []int64) []string {
	var out []string
	for i := 0; i < len(codes); {
		j := i
		for j+1 < len(codes) && codes[j+1] == codes[j]+1 {
			j++
		}
		text := itoa(codes[i])
		if j > i {
			text += "-" + itoa(codes[j])
		}
		out = append(out, text)
		i = j + 1
	}
	return out
}

// attach reports whether filters of the rule can name the Middlewares. If not, it adds the reason.
func (r *traefikRule) attach() bool {
	count := len(r.first) + len(r.last)
	if count == 0 {
		return false
	}
	deny := func(reason export.Reason, args ...any) bool {
		for f := range r.written {
			r.Sheet.At(f).Because(reason, args...)
		}
		return false
	}
	for _, p := range r.Beside {
		// The filter would apply to all data planes that serve the route, and others refuse it.
		return deny(export.ListenersDiffer, r.Paths[0].Where(), traefikTitle, p.Where(), "another data plane")
	}
	for _, p := range r.Paths {
		if !p.Consent {
			return deny(export.NotConsented)
		}
	}
	if most := r.In.Fields.FiltersMax; r.Filters+count > most {
		return deny(export.TooManyFilters, r.Filters, most)
	}
	for _, o := range slices.Concat(r.first, r.last) {
		if r.In.Taken[o.GetName()] {
			return deny(export.NameTaken, o.GetName())
		}
	}
	return true
}
