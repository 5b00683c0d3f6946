package export

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// traefikExporter writes Middlewares, and filters that name them (12.T).
type traefikExporter struct{}

// Name implements Exporter.
func (traefikExporter) Name() string { return Traefik }

const traefikTitle = "Traefik"

// beyondList is a depth that no X-Forwarded-For list has. The source is then empty, so all clients share
// one counter. Traefik has no setting for that (12.T2).
const beyondList = 1<<31 - 1

// traefikRule is a rule with its Middlewares.
type traefikRule struct {
	*rule
	first, last []*unstructured.Unstructured
	// written are the fields whose values stand in Middlewares, with the name of each.
	written map[Field]string
}

// Project implements Exporter.
func (e traefikExporter) Project(in Input) Projection {
	if p, done := refusedWhole(&in, traefikTitle); done {
		return p
	}
	if in.Route.Kind != "HTTPRoute" && in.Route.Kind != "GRPCRoute" {
		return refused(&in, traefikTitle, RouteKind, traefikTitle, in.Route.Kind)
	}
	projection := Projection{}
	rules := rulesOf(&in, traefikTitle)
	for _, common := range rules {
		r := &traefikRule{rule: common, written: map[Field]string{}}
		r.read()
		if !r.attach() {
			continue
		}
		injection := RuleInjection{Rule: r.index}
		for _, o := range r.first {
			injection.First = append(injection.First, o.GetName())
		}
		for _, o := range r.last {
			injection.Last = append(injection.Last, o.GetName())
		}
		projection.Rules = append(projection.Rules, injection)
		projection.Objects = append(projection.Objects, slices.Concat(r.first, r.last)...)
	}
	sortObjects(projection.Objects)
	projection.Outcomes = outcomesOf(&in, rules, traefikTitle)
	return projection
}

// read makes the Middlewares of the rule and the drafts of its fields.
func (r *traefikRule) read() {
	if r.Answers {
		r.refuseNotProxied()
		return
	}
	r.each([]Field{timeout(request)}, func(v *verdict) { v.because(NoField, traefikTitle) })
	r.each([]Field{timeout(backend), timeout(connect), timeout(idle), retry(perTryTimeout)}, func(v *verdict) { v.because(BackendNotRewritten) })
	for _, l := range r.want.limits {
		if l.disabled {
			r.each(r.of(l), func(v *verdict) { v.written(Absent, nil) })
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
	purpose := r.middleware("").GetAnnotations()[ForAnnotation]
	for _, kind := range [...]struct{ policy, field string }{{RateLimitPolicy, "rateLimit"}, {RetryPolicy, "retry"}} {
		if _, invalid := r.invalid[kind.policy]; !invalid {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(r.in.Held)) {
			live := r.in.Held[name]
			spec, _, _ := unstructured.NestedMap(live.Object, "spec") // a copy
			if spec[kind.field] == nil || live.GetAnnotations()[ForAnnotation] != purpose {
				continue
			}
			object := r.middleware("")
			object.SetName(name)
			object.Object["spec"] = spec
			if kind.policy == RateLimitPolicy {
				r.first = append(r.first, object)
			} else {
				r.last = append(r.last, object)
			}
			for f := range Leaves(kind.policy, r.paths[0].Effective.Values[kind.policy]) {
				r.sheet.at(f).note(Kept)
			}
		}
	}
}

func (r *traefikRule) middleware(part string) *unstructured.Unstructured {
	at := target{exporter: Traefik, kind: TraefikMiddleware, route: r.in.Route, rule: r.unique, part: part}
	if r.unique == "" {
		at.rule = unnamedRule + r.Hash
	}
	return at.object(r.in)
}

// unnamedRule is put before the hash of a rule without a name of its own.
const unnamedRule = "~"

func (r *traefikRule) limit(l *limit) {
	average, seconds, ok := l.perSeconds()
	if !ok || !l.capacity().IsInt64() {
		r.each(r.of(l), func(v *verdict) { v.because(TooSmall) })
		return
	}
	source := map[string]any{"ipStrategy": map[string]any{"depth": int64(beyondList)}}
	if header, ok := l.header(); ok {
		if !headerName(header) {
			r.each(r.of(l), func(v *verdict) { v.because(HeaderName, header) })
			return
		}
		source = map[string]any{"requestHeaderName": header}
	} else if l.key == "ClientIP" {
		source = map[string]any{"ipStrategy": map[string]any{}}
	}
	part := limitPart
	if l.named() {
		part += "/" + l.name
	}
	period := itoa(seconds) + "s"
	object := r.middleware(part)
	object.Object["spec"] = map[string]any{"rateLimit": map[string]any{
		"average": average, "period": period, "burst": l.capacity().Int64(), "sourceCriterion": source,
	}}
	r.first = append(r.first, object)
	for _, f := range r.of(l) {
		r.says(f, object, "spec.rateLimit", nil)
	}
	r.says(l.head(), object, "spec.rateLimit.average", itoa(average)+" per "+period)
	r.sheet.at(l.head()).note(PerInstance, ResetsOnReload)
	r.says(l.field(burst), object, "spec.rateLimit.burst", l.capacity().Int64())
	r.says(l.field(key), object, "spec.rateLimit.sourceCriterion", source)
	finer := ""
	switch {
	case l.counter == "Gateway":
		finer = "route"
	case l.counter == "Route" && len(r.in.Rules) > 1:
		finer = "rule"
	case l.counter == "Route" || r.Matches > 1:
		finer = "router (listener, rule and match)"
	}
	if finer != "" {
		f := l.head()
		if l.counter != "" {
			f = l.field(counter)
		}
		r.sheet.at(f).because(CounterFiner, finer)
	}
}

// says records that the value of a field stands in an object.
func (r *traefikRule) says(f Field, object *unstructured.Unstructured, as string, value any) {
	if !r.states(f) {
		return
	}
	v := r.sheet.at(f).written(as, value)
	v.object = object.GetName()
	r.written[f] = object.GetName()
}

func (r *traefikRule) retry() {
	if r.noRetries() {
		r.sheet.at(retry(maxRetries)).written(Absent, nil)
		for _, f := range r.all(RetryPolicy) {
			if f.Name != maxRetries && f.Name != perTryTimeout {
				r.sheet.at(f).written(Absent, nil).note(Subsumed)
			}
		}
		return
	}
	if r.maxRetries == nil && r.retryOn == nil && r.backoffPolicy == "" && r.backoffBase == nil && r.backoffMax == nil {
		return // perTryTimeout alone does not ask for retries
	}
	number := int64(1)
	if r.maxRetries != nil {
		number = *r.maxRetries
	}
	status, network, dropped := r.statuses()
	if r.retryOn != nil && len(status) == 0 && !network {
		r.each(r.all(RetryPolicy), func(v *verdict) {
			if !v.hasReason() {
				v.because(NoField, traefikTitle)
			}
		})
		return
	}
	spec := map[string]any{"attempts": number + 1} // Traefik counts the first try
	object := r.middleware(retryPart)
	object.Object["spec"] = map[string]any{"retry": spec}
	r.last = append(r.last, object)
	r.says(retry(maxRetries), object, "spec.retry.attempts", number+1)
	if len(status) > 0 {
		spec["status"] = anys(status)
		r.each([]Field{retry(maxRetries)}, func(v *verdict) { v.because(IdempotentOnly) })
	}
	if r.retryOn != nil && !network {
		spec["disableRetryOnNetworkError"] = true
	}
	if len(status) > 0 {
		r.says(retry(retryOn), object, "spec.retry.status", anys(status))
	} else {
		r.says(retry(retryOn), object, "spec.retry", nil) // there is no setting for connection errors only
	}
	if len(dropped) > 0 {
		r.sheet.at(retry(retryOn)).because(ConditionsDropped, strings.Join(dropped, ", "))
	}
	if r.retryOn == nil {
		r.each([]Field{retry(maxRetries)}, func(v *verdict) { v.note(DataPlaneDefault) })
	}
	if r.maxRetries == nil {
		r.each(r.all(RetryPolicy), func(v *verdict) { v.note(DataPlaneDefault) })
	}
	r.waits(object, spec, number)
}

// waits writes the time between tries. It grows to at most twice the base.
func (r *traefikRule) waits(object *unstructured.Unstructured, spec map[string]any, number int64) {
	shape := "not at all"
	if r.backoffBase.limits() {
		spec["initialInterval"] = r.backoffBase.text
		shape = r.backoffBase.text + " at first, and at most twice that"
	}
	as := "spec.retry.initialInterval"
	if !r.backoffBase.limits() {
		as = Absent // it tries again at once
	}
	r.says(retry(backoffBase), object, as, textOf(r.backoffBase))
	for _, f := range []Field{retry(backoffPolicy), retry(backoffMax)} {
		r.says(f, object, as, textOf(r.backoffBase))
		if r.states(f) && number != 1 {
			r.sheet.at(f).because(BackoffShape, shape)
		}
	}
}

// statuses returns retryOn as ranges of status codes, whether it includes connection errors, and the words
// that have no counterpart.
func (r *traefikRule) statuses() (status []string, network bool, dropped []string) {
	w := splitWords(r.retryOn)
	codes := slices.Clone(w.codes)
	for _, word := range w.conditions {
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
			codes = append(codes, codesOf(word)...)
		}
	}
	slices.Sort(codes)
	return ranges(slices.Compact(codes)), network, append(dropped, w.statuses...)
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
	deny := func(reason Reason, args ...any) bool {
		for f := range r.written {
			r.sheet.at(f).because(reason, args...)
		}
		return false
	}
	for _, p := range r.beside {
		// The filter would apply to all data planes that serve the route, and others refuse it.
		return deny(ListenersDiffer, r.paths[0].where(), traefikTitle, p.where(), "another data plane")
	}
	for _, p := range r.paths {
		if !p.Consent {
			return deny(NotConsented)
		}
	}
	if most := r.in.Fields.FiltersMax; r.Filters+count > most {
		return deny(TooManyFilters, r.Filters, most)
	}
	for _, o := range slices.Concat(r.first, r.last) {
		if r.in.Taken[o.GetName()] {
			return deny(NameTaken, o.GetName())
		}
	}
	return true
}
