package export

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// settleForeign finds the foreign policies that apply to the rule. It returns false if one is attached
// to the rule itself and takes precedence over ours.
func (r *envoyRule) settleForeign() bool {
	r.parents = make([]map[string]any, len(r.paths))
	for i, p := range r.paths {
		if f := r.in.above(p); f != nil {
			r.parents[i] = specOf(f)
		}
	}
	if onRoute := r.in.foreignAt(r.in.Route); len(onRoute) > 0 && r.unique != "" {
		r.carried = onRoute[0]
		copied := specOf(onRoute[0])
		for i, above := range r.parents {
			if copied["mergeType"] == nil {
				above = nil
			}
			r.parents[i] = mergePatch(above, copied)
		}
	}
	if r.unique == "" {
		return true
	}
	onRule := r.in.foreignAt(r.in.Route.WithSection(r.unique))
	if len(onRule) == 0 || r.in.older(envoyTarget(r.in, r.unique).name(), onRule[0]) {
		return true
	}
	reason, who := envoyTarget(r.in, r.unique).takenBy(onRule[0])
	r.blocked(reason, who)
	return false
}

// blocked is for a rule that can have no object. Values that the route itself states stay in force,
// whatever policy is attached.
func (r *envoyRule) blocked(reason Reason, args ...any) {
	r.ownWordsHold()
	for _, f := range r.every() {
		v := r.sheet.at(f)
		if v.as == "" || v.hasReason() {
			*v = verdict{}
			v.because(reason, args...)
		}
	}
}

// ownWordsHold marks the effective values that the rule itself states, which Envoy Gateway reads from
// there (E7.11). It takes the rule's own retry stanza as a whole. Without one, backendRequest limits the
// whole request.
func (r *envoyRule) ownWordsHold() {
	hold := func(leaf string, value any, fields ...Field) {
		r.each(fields, func(v *verdict) { v.written(r.inRoute(leaf), value) })
	}
	own := r.own
	switch {
	case own.backend.limits() && !own.retries:
		if !r.retries() && same(r.perTry(), own.backend) {
			hold(leafBackend, own.backend.text, tryFields...)
		}
		if within(own.backend, r.want.request) && r.want.request.limits() {
			r.each([]Field{timeout(request)}, func(v *verdict) { v.written(Absent, nil).note(Subsumed) })
		}
	case own.request != nil && same(r.want.request, own.request):
		hold(leafRequest, own.request.text, timeout(request))
		if perTry := r.perTry(); own.request.limits() && perTry.limits() && within(own.request, perTry) {
			r.each(tryFields, func(v *verdict) { v.written(Absent, nil).note(Subsumed) })
		}
	}
	if !own.retries {
		return
	}
	if own.backend != nil && same(r.perTry(), own.backend) {
		hold(leafBackend, own.backend.text, tryFields...)
	}
	if own.attempts != nil && r.maxRetries != nil && *r.maxRetries == *own.attempts {
		hold(leafAttempts, *own.attempts, retry(maxRetries))
	}
	if r.retryOn != nil && slices.Equal(r.retryOn, own.codes) {
		hold(leafCodes, anys(own.codes), retry(retryOn))
	}
	if own.backoff != nil && same(r.backoffBase, own.backoff) {
		hold(leafBackoff, own.backoff.text, retry(backoffBase))
	}
}

// keepsAbove returns the policy above a path whose limits stay in force beside ours. That is so if our
// object is a copy of a policy that merges strategically, and the policy above has limits with
// selectors.
func (r *envoyRule) keepsAbove(path int) (name string, keeps bool) {
	if r.carried == nil || specOf(r.carried)["mergeType"] != "StrategicMerge" {
		return "", false
	}
	f := r.in.above(r.paths[path])
	if f == nil {
		return "", false
	}
	rules, _, _ := unstructured.NestedSlice(specOf(f), "rateLimit", "local", "rules")
	for _, rule := range rules {
		fields, _ := rule.(map[string]any)
		selectors, _ := fields["clientSelectors"].([]any)
		keeps = keeps || len(selectors) > 0
	}
	return f.name(), keeps
}

// parentName is the name of the foreign policy above a path in messages.
func (r *envoyRule) parentName(path int) string {
	if f := r.in.above(r.paths[path]); f != nil && r.carried == nil {
		return f.name()
	}
	if r.carried != nil {
		return r.carried.name()
	}
	return "another policy"
}

func specOf(f *Foreign) map[string]any {
	spec, _, _ := unstructured.NestedMap(f.Object.Object, "spec")
	return spec
}

// mergePatch applies a JSON merge patch (RFC 7386) of maps that nobody else uses.
func mergePatch(target, patch map[string]any) map[string]any {
	out := maps.Clone(target)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range patch {
		inner, isMap := v.(map[string]any)
		switch {
		case v == nil:
			delete(out, k)
		case isMap:
			below, _ := out[k].(map[string]any)
			out[k] = mergePatch(below, inner)
		default:
			out[k] = v
		}
	}
	return out
}

// carry returns the spec of an object on a rule that starts as a copy of the foreign policy on the
// whole route (E11.3). ok is false if that policy cannot be carried over.
func (r *envoyRule) carry(ours map[string]any) (spec map[string]any, ok bool) {
	foreign := r.carried
	if r.in.Parameters.RefuseHidden || len(r.in.foreignAt(r.in.Route)) > 1 {
		return nil, false
	}
	spec = specOf(foreign)
	for _, key := range [...]string{"targetRef", "targetRefs", "targetSelectors"} {
		delete(spec, key)
	}
	shared := false
	rules, _, _ := unstructured.NestedSlice(spec, "rateLimit", "global", "rules")
	for _, rule := range rules {
		fields, _ := rule.(map[string]any)
		shared = shared || fields["shared"] == true
	}
	disabled := r.limitsOff()
	if shared && ours["rateLimit"] == nil && !disabled {
		return nil, false
	}
	unstructured.RemoveNestedField(spec, "rateLimit", "type")
	if disabled {
		delete(spec, "rateLimit")
	}
	spec = mergePatch(spec, ours)
	return spec, carriable(spec)
}

// limitsOff reports whether every limit is switched off.
func (r *envoyRule) limitsOff() bool {
	return len(r.want.limits) > 0 && !slices.ContainsFunc(r.want.limits, func(l *limit) bool { return !l.disabled })
}

// carriable reports whether a spec has nothing that Envoy Gateway accepts and Envoy refuses (12.E5a).
func carriable(spec map[string]any) bool {
	base, hasBase, _ := unstructured.NestedString(spec, "retry", "perRetry", "backOff", "baseInterval")
	most, hasMost, _ := unstructured.NestedString(spec, "retry", "perRetry", "backOff", "maxInterval")
	connect, hasConnect, _ := unstructured.NestedString(spec, "timeout", "tcp", "connectTimeout")
	if hasBase != hasMost {
		return false
	}
	zero := func(text string, has bool) bool {
		d, ok := parseDuration(text)
		return has && (!ok || d.Duration == 0)
	}
	return !zero(base, hasBase) && !zero(most, hasMost) && !zero(connect, hasConnect)
}
